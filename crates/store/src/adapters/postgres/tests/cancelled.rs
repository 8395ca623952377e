//! Callers that leave: nothing is left half done, and no connection inside a transaction.

use std::time::Duration;

use sendry_domain::{
    ledger::OldestHead,
    query::{Detail, Filter, FoldSpec, GroupBy},
    rollup::Level,
    series::SeriesKind,
    window::Window,
};
use tokio::time::timeout;

use super::{super::PostgresStore, stage::TestDatabase, view};
use crate::{
    DeadLetterQuery,
    contract::{
        build::{NOW, arrive, event, request},
        metrics::{View, everything},
    },
};

/// The message of the `n`th call; some calls have the same one.
fn message(t: &View, n: u64) -> sendry_domain::message::Message {
    let number = (n % 700) as u32;
    let events = (0..3).map(|i| event().id(&format!("{}-{i}", number % 500)));
    t.seal.message(number, &request(events))
}

/// One call of some method.
async fn call(t: View, n: u64) {
    let store = &t.store;
    match n % 10 {
        0..=3 => drop(store.count(&arrive(&[message(&t, n)]), NOW).await),
        4 => drop(store.rehearse(&arrive(&[message(&t, n)]), NOW).await),
        5 | 6 => {
            let spec = FoldSpec {
                kind: SeriesKind::Status,
                filter: Filter::default(),
                slices: vec![everything(Level::Hour)],
                group: GroupBy::Total,
                points: [].into(),
                detail: Detail::None,
            };
            drop(store.fold(&t.id, spec).await);
        }
        7 => drop(store.ledger(&t.id).await),
        8 => {
            let query = DeadLetterQuery {
                state: None,
                after: None,
                limit: 10,
            };
            drop(store.dead_letters(&t.id, &query).await);
        }
        _ if n % 100 == 9 => drop(store.derive_levels().await),
        _ => {
            let purged = store.purge(&t.id, NOW, Window::default(), OldestHead::Unknown);
            drop(purged.await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_callers_that_leave_leave_nothing_behind() {
    const CALLS: u64 = 10_000;
    const ROUNDS: u64 = 200;
    let database = TestDatabase::migrated().await;
    let mut options = database.options().role("sendry_worker");
    // The server is not to clean up before it is looked at.
    options.idle_in_transaction_timeout = Duration::from_secs(300);
    let store = PostgresStore::connect(options).await.unwrap();
    let t = view(&store, "cancelled");
    let mut left = 0;
    for round in 0..ROUNDS {
        let mut tasks = Vec::new();
        for n in round * CALLS / ROUNDS..(round + 1) * CALLS / ROUNDS {
            let t = t.clone();
            // From "before the first await" to "usually done".
            let patience = Duration::from_micros(n.wrapping_mul(0x9e37_79b9) % 30_000);
            let call = async move { timeout(patience, call(t, n)).await.is_err() };
            tasks.push(tokio::spawn(call));
        }
        for task in tasks {
            left += u64::from(task.await.unwrap());
        }
        // Before other calls use the connections, and end by chance what was left open in them.
        database.wait_for_no_open_transaction().await;
    }
    assert!(left > CALLS / 10, "only {left} callers left early");
    // Everything counts once, whoever saw it through.
    for number in 0..700 {
        t.count(&[message(&t, number)]).await;
    }
    let tally = t.tally().await;
    assert_eq!(tally.received, 700 * 3);
    assert_eq!(tally.counted, 500 * 3);
    for level in [Level::Minute, Level::Hour] {
        for kind in SeriesKind::ALL {
            assert_eq!(t.total(kind, level).await.count, 500 * 3);
        }
    }
}
