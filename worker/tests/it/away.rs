//! A store that is away loses nothing and counts nothing twice.

use crate::{
    faults::{Call, Calls, Fault, Faulty, Switch},
    harness::Bed,
    running::{Running, until},
};

#[tokio::test]
async fn raw_away_after_the_count() {
    let bed = Bed::new();
    let (away, calls) = (Switch::default(), Calls::default());
    away.set(true);
    let (plan_away, plan_calls) = (away.clone(), calls.clone());
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, move |_| {
        plan_calls.next();
        match plan_away.is_on() {
            true => Fault::Away,
            false => Fault::None,
        }
    });
    bed.publish(&[
        bed.message(1, &["/a", "/b"]),
        bed.message(2, &["/c", "/d", "/e"]),
    ])
    .await;
    let worker = Running::worker(&bed, &parts);
    // Until the breaker holds further tries back.
    until("raw was tried", async || calls.seen(), |n| *n == 5).await;
    let seen = bed.seen().await;
    assert_eq!((seen.tally.counted, seen.raw), (5, 0), "{seen:?}");
    assert_eq!(seen.queued, 2, "nothing is acked before it is kept");
    away.set(false);
    bed.clock.advance(31_000);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (5, 5));
    assert_eq!((seen.tally.duplicates, seen.raw), (0, 5), "{seen:?}");
    assert_eq!(parts.metrics.redelivered.get(), 0, "held, not given back");
    worker.stop().await;
}

#[tokio::test]
async fn a_count_that_was_committed_and_not_confirmed() {
    let bed = Bed::new();
    let calls = Calls::default();
    let plan_calls = calls.clone();
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(_) if plan_calls.next() < 3 => Fault::AwayAtCommit,
        _ => Fault::None,
    });
    bed.publish(&[
        bed.message(1, &["/a", "/b"]),
        bed.message(2, &["/c", "/d", "/e"]),
    ])
    .await;
    let worker = Running::worker(&bed, &parts);
    let seen = bed.drained().await;
    assert!(calls.seen() >= 4, "it was tried again");
    assert_eq!((seen.tally.received, seen.tally.counted), (5, 5));
    assert_eq!(seen.raw, 5, "what the first try won is kept: {seen:?}");
    assert_eq!(seen.tally.duplicates, 0);
    assert_eq!(parts.metrics.redelivered.get(), 0, "held, not given back");
    worker.stop().await;
}

#[tokio::test]
async fn raw_stored_and_not_confirmed() {
    let bed = Bed::new();
    let calls = Calls::default();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, move |_| match calls.next() {
        0 => Fault::AwayAtCommit,
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a", "/b"])]).await;
    let worker = Running::worker(&bed, &parts);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.counted, seen.raw), (2, 2), "{seen:?}");
    assert_eq!(parts.metrics.redelivered.get(), 0, "held, not given back");
    worker.stop().await;
}
