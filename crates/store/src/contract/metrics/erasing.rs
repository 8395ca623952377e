//! Erasing a tenant: everything of it, nothing of another's, and nothing comes back.

use std::{collections::BTreeMap, sync::Arc};

use sendry_domain::{
    dead_letter::{DeadLetter, State},
    rollup::Level,
    series::SeriesKind,
    time::{DAY, HOUR, UnixMillis},
};

use super::{
    super::build::{NOW, Sealer, event, request, request_of},
    View, parse, won,
};
use crate::{Footprint, MetricEraser, MetricStore};

type Store = Arc<dyn MetricEraser>;

/// The moment of the erasure: after everything that [`fill`] sends was accepted.
const THEN: UnixMillis = UnixMillis(NOW.0 + HOUR);

fn view(store: &Store, name: &str) -> View {
    let port: Arc<dyn MetricStore> = store.clone();
    View::of(&port, name)
}

/// Rows of every kind.
async fn fill(t: &View) {
    let named = request([event().id("a"), event().id("b").endpoint("/b").status(500)]);
    t.send(1, &named.batch(3)).await;
    let old = event().id("c").at(NOW.plus(-3 * DAY)).service("pay");
    let poison = request_of(["{}".to_owned(), event().json(), old.json()]);
    t.send(2, &poison).await;
    t.store.derive_levels().await.unwrap();
    // A conflict, and marks that wait for a derivation.
    t.send(3, &request([event().id("a").status(404)])).await;
    t.send(4, &request([event().endpoint("/later")])).await;
    t.store.raw_refused(&t.id, &[t.place(2, 1)]).await.unwrap();
    t.purge(NOW.plus(HOUR)).await;
}

/// Everything that can be asked of a tenant.
async fn everything(t: &View) -> String {
    let mut series = BTreeMap::new();
    for level in Level::ALL {
        for kind in SeriesKind::ALL {
            let groups = t.by_series(kind, level).await;
            series.insert(format!("{level:?} {kind:?}"), groups);
        }
    }
    let letters = t.letters(None).await;
    let ledger = t.store.ledger(&t.id).await.unwrap();
    format!("{series:?} {letters:?} {ledger:?}")
}

async fn footprint(store: &Store, t: &View) -> Footprint {
    store.footprint(&t.id).await.unwrap()
}

/// Erases to the end, `at_most` rows at once. Returns how many rows that were, in how many steps.
async fn erase(store: &Store, t: &View, at: UnixMillis, at_most: u32) -> (u64, u32) {
    let (mut rows, mut steps) = (0, 0);
    loop {
        let erased = store.erase(&t.id, at, at_most).await.unwrap();
        assert!(erased.rows <= u64::from(at_most), "{erased:?}");
        rows += erased.rows;
        steps += 1;
        if erased.done {
            return (rows, steps);
        }
        assert!(steps < 10_000, "no end: {:?}", footprint(store, t).await);
    }
}

pub async fn erasing_drops_every_row_of_a_tenant_and_none_of_another(store: Store) {
    let (gone, stays) = (view(&store, "gone"), view(&store, "stays"));
    for t in [&gone, &stays] {
        fill(t).await;
    }
    for t in [&gone, &stays] {
        t.send(5, &request([event()])).await;
    }
    let held = footprint(&store, &gone).await;
    let empty = held.rows.iter().find(|(_, rows)| *rows == 0);
    assert_eq!(empty, None, "a kind of row that this case does not make");
    let (before, others) = (everything(&stays).await, footprint(&store, &stays).await);

    let (rows, steps) = erase(&store, &gone, THEN, 3).await;
    assert_eq!(rows, held.total());
    assert!(u64::from(steps) > rows / 3, "in steps: {steps} of {rows}");
    let left = footprint(&store, &gone).await;
    assert_eq!((left.total(), left.rows.len()), (0, held.rows.len()));
    let nobody = everything(&view(&store, "nobody")).await;
    assert_eq!(everything(&gone).await, nobody);

    assert_eq!(footprint(&store, &stays).await, others);
    assert_eq!(everything(&stays).await, before);
    // Again: nothing is left to do.
    assert_eq!(erase(&store, &gone, THEN, 3).await, (0, 1));
    store.derive_levels().await.unwrap();
    assert_eq!(footprint(&store, &gone).await.total(), 0);
}

pub async fn an_erasure_goes_on_where_it_was_stopped(store: Store) {
    let (gone, stays) = (view(&store, "half"), view(&store, "whole"));
    for t in [&gone, &stays] {
        fill(t).await;
    }
    let before = everything(&stays).await;
    let held = footprint(&store, &gone).await.total();
    let mut rows = 0;
    // Begun anew, later each time, and stopped after two steps.
    for start in 0.. {
        let at = THEN.plus(start);
        for _ in 0..2 {
            let erased = store.erase(&gone.id, at, 2).await.unwrap();
            rows += erased.rows;
        }
        if footprint(&store, &gone).await.total() == 0 {
            break;
        }
    }
    assert_eq!(rows, held);
    assert_eq!(erase(&store, &gone, THEN.plus(HOUR), 2).await, (0, 1));
    assert_eq!(everything(&stays).await, before);
}

pub async fn what_a_late_worker_still_holds_leaves_no_trace(store: Store) {
    let t = view(&store, "late");
    fill(&t).await;
    let delivered = t
        .seal
        .message(1, &request([event().id("a"), event().id("b")]));
    let new = t.seal.message(9, &request([event().id("late")]));
    let from_the_start = erase(&store, &t, THEN, 100).await;
    assert!(from_the_start.0 > 0);
    for message in [delivered, new] {
        let counted = t.count_at(&[message], THEN.plus(1)).await.remove(0);
        assert_eq!(won(&counted), [0u32; 0], "nothing to store either");
        assert!(counted.folded.is_empty());
    }
    // Nor does what it could not read, or what the raw store refused.
    t.store.bury(&[undecodable(&t, 10)]).await.unwrap();
    t.store.raw_refused(&t.id, &[t.place(1, 0)]).await.unwrap();
    assert_eq!(footprint(&store, &t).await.total(), 0);
    assert_eq!(t.account().await, (0, 0, 0, 0, 0));
    // Beside it others count as ever, in the same call.
    let other = view(&store, "late-other");
    let mixed = [
        t.seal.message(11, &request([event()])),
        other.seal.message(11, &request([event()])),
    ];
    let counted = other.count_at(&mixed, THEN.plus(1)).await;
    assert_eq!(won(&counted[0]), [0u32; 0]);
    assert_eq!(won(&counted[1]), [0]);
    assert_eq!(other.account().await, (1, 1, 0, 0, 0));
    assert_eq!(footprint(&store, &t).await.total(), 0);
}

/// The letter of message `number`, which nobody could read; counted long after it was sealed.
fn undecodable(t: &View, number: u32) -> DeadLetter {
    let message = t.seal.id(number);
    let why = "it is torn";
    sendry_domain::counting::undecodable(t.id.clone(), message, 2, b"\xff", why, THEN.plus(DAY))
}

pub async fn a_tenant_that_is_made_again_begins_anew(store: Store) {
    let t = view(&store, "again");
    fill(&t).await;
    let first = everything(&t).await;
    erase(&store, &t, THEN, 100).await;
    // Whoever is the first to have new names now: readers remember the old ones, and must not take these for them.
    let third = view(&store, "again-third");
    third.send(1, &request([event().endpoint("/third")])).await;
    let named = third.by_series(SeriesKind::Endpoint, Level::Hour).await;
    let named: Vec<_> = named.keys().map(|s| s.endpoint.as_deref()).collect();
    assert_eq!(named, [Some("/third")]);
    // The same messages again, but accepted after the erasure, for a tenant of that name: nobody remembers them.
    let reborn = View {
        seal: Sealer {
            accepted_at: THEN.plus(1),
            ..t.seal.clone()
        },
        ..t.clone()
    };
    fill(&reborn).await;
    let strip = |text: String| {
        // Ids and moments of acceptance are others.
        let letters = text.find(" [DeadLetter").unwrap();
        text[..letters].to_owned()
    };
    assert_eq!(strip(everything(&reborn).await), strip(first));
    assert_eq!(reborn.letters(Some(State::Conflict)).await.len(), 1);
    // Its letters are counted after all, under names of its own.
    let poison = reborn.letters(Some(State::Open)).await;
    let letter = poison.first().unwrap();
    let body = event().id("mended").endpoint("/mended").json();
    t.store
        .replay(&t.id, letter.id, &parse(&body), &body, THEN.plus(2))
        .await
        .unwrap();
    let endpoints = reborn.by_series(SeriesKind::Endpoint, Level::Hour).await;
    let mended = endpoints
        .keys()
        .any(|s| s.endpoint.as_deref() == Some("/mended"));
    assert!(mended, "{endpoints:?}");
    reborn.tally().await;
    // And it can be erased again.
    erase(&store, &t, THEN.plus(DAY), 100).await;
    assert_eq!(footprint(&store, &t).await.total(), 0);
}

pub async fn erasing_beside_counting_leaves_the_fence_in_force(store: Store) {
    let (gone, other) = (view(&store, "race-gone"), view(&store, "race-other"));
    let mut tasks = Vec::new();
    for worker in 0..4u32 {
        let (gone, other) = (gone.clone(), other.clone());
        tasks.push(tokio::spawn(async move {
            for n in 0..25 {
                let number = 100 + worker * 100 + n;
                let named = format!("{number}");
                let asked = request([event().id(&named).endpoint(&format!("/{n}"))]);
                let both = [
                    gone.seal.message(number, &asked),
                    other.seal.message(number, &asked),
                ];
                other.count_at(&both, NOW).await;
            }
        }));
    }
    while footprint(&store, &gone).await.total() < 40 {
        tokio::task::yield_now().await;
    }
    erase(&store, &gone, THEN, 7).await;
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(footprint(&store, &gone).await.total(), 0);
    assert_eq!(gone.account().await, (0, 0, 0, 0, 0));
    assert_eq!(other.account().await, (100, 100, 0, 0, 0));
}
