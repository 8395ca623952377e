//! A purge beside a count: an identity counts once whatever the two meet at.

use sendry_domain::{
    ledger::OldestHead,
    time::{DAY, MINUTE, UnixMillis},
    window::Window,
};
use sqlx::Connection;

use super::{stage::TestDatabase, view};
use crate::contract::{
    build::{NOW, Sealer, event, request},
    metrics::View,
};

/// When the floor lies behind everything of [`NOW`].
const LATER: UnixMillis = UnixMillis(NOW.0 + 3 * DAY + MINUTE);

async fn purge(t: View) -> u64 {
    let (window, head) = (Window::default(), OldestHead::Empty);
    let purged = t.store.purge(&t.id, LATER, window, head).await;
    purged.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_floor_waits_for_the_counts_that_have_read_the_old_one() {
    let database = TestDatabase::migrated().await;
    let t = view(&database.store().await, "floor");
    let events = request([event().id("a")]);
    t.send(1, &events).await;
    // Somebody holds the message that brings the event again, so the count stops after it has read the floor.
    let mut holder = database.connection().await;
    let mut held = holder.begin().await.unwrap();
    let sql = "INSERT INTO ledger_message (id, tenant, scope, last, won) VALUES ($1, 0, 0, 0, '')";
    let query = sqlx::query(sql).bind(t.seal.id(2).0);
    query.execute(&mut *held).await.unwrap();
    let again = t.seal.message(2, &events);
    let counting = tokio::spawn({
        let t = t.clone();
        async move { t.count_at(&[again], LATER).await }
    });
    database.wait_for_locks(1).await;
    let mut purging = tokio::spawn(purge(t.clone()));
    // It waits; were it to go on, it would drop the row that the count is about to need.
    let went_on = tokio::select! {
        () = database.wait_for_locks(2) => false,
        _ = &mut purging => true,
    };
    held.rollback().await.unwrap();
    counting.await.unwrap();
    if !went_on {
        purging.await.unwrap();
    }
    let tally = t.tally().await;
    assert_eq!((tally.counted, tally.duplicates), (1, 1), "{tally:?}");
    // And after it the event is too late.
    let late = Sealer {
        accepted_at: NOW,
        ..t.seal.clone()
    };
    t.count_at(&[late.message(3, &events)], LATER).await;
    let tally = t.tally().await;
    assert_eq!((tally.counted, tally.dead_open), (1, 1), "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn purges_that_race_counts_never_let_an_identity_count_twice() {
    const EVENTS: u64 = 150;
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    for round in 0..12 {
        let t = view(&store, &format!("race-{round}"));
        let named = request((0..EVENTS).map(|i| event().id(&format!("e-{i}"))));
        let batch = request((0..EVENTS).map(|_| event())).batch(7);
        t.send(1, &named).await;
        t.send(2, &batch).await;
        let mut tasks = Vec::new();
        for writer in 0..3u32 {
            let (t, named, batch) = (t.clone(), named.clone(), batch.clone());
            tasks.push(tokio::spawn(async move {
                for again in 0..3 {
                    let number = 10 + writer * 10 + again;
                    let messages = [
                        t.seal.message(number, &named),
                        t.seal.message(100 + number, &batch),
                    ];
                    t.count_at(&messages, LATER).await;
                }
            }));
        }
        let purging = tokio::spawn(purge(t.clone()));
        for task in tasks {
            task.await.unwrap();
        }
        purging.await.unwrap();
        let tally = t.tally().await;
        assert_eq!(tally.counted as u64, 2 * EVENTS, "{tally:?}");
    }
}
