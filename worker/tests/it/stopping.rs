//! However a worker ends, the next one finishes exactly what is missing.

use std::{sync::Arc, time::Duration};

use sendry_queue::EventQueue;
use tokio::sync::Semaphore;

use crate::{
    faults::{Call, Calls, Fault, Faulty},
    harness::Bed,
    running::{Running, until},
};

#[test]
fn killed_between_count_and_raw() {
    let bed = Bed::new();
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    first.block_on(async {
        let mut parts = bed.parts();
        parts.raw = Faulty::new(&bed.store, |_| Fault::Hang);
        bed.publish(&[bed.message(1, &["/a", "/b"]), bed.message(2, &["/c"])])
            .await;
        let _worker = Running::worker(&bed, &parts);
        let seen = bed.until("all is counted", |s| s.tally.counted == 3).await;
        assert_eq!((seen.raw, seen.queued), (0, 2), "{seen:?}");
    });
    // With everything that runs in it, wherever it stands.
    drop(first);
    let bed = bed.reopened();
    runtime().block_on(async {
        let parts = bed.parts();
        let worker = Running::worker(&bed, &parts);
        let seen = bed.drained().await;
        assert_eq!((seen.tally.received, seen.tally.counted), (3, 3));
        assert_eq!((seen.tally.duplicates, seen.raw), (0, 3), "{seen:?}");
        assert_eq!(parts.metrics.redelivered.get(), 2);
        worker.stop().await;
    });
}

#[test]
fn killed_before_the_ack() {
    let bed = Bed::new();
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    first.block_on(async {
        let (mut parts, calls) = (bed.parts(), Calls::default());
        let plan_calls = calls.clone();
        // The first message is stored and never confirmed.
        parts.raw = Faulty::new(&bed.store, move |_| match plan_calls.next() {
            0 => Fault::AwayAtCommit,
            _ => Fault::Hang,
        });
        bed.publish(&[bed.message(1, &["/a", "/b"])]).await;
        let _worker = Running::worker(&bed, &parts);
        until("raw is tried again", async || calls.seen(), |n| *n == 2).await;
    });
    drop(first);
    let bed = bed.reopened();
    runtime().block_on(async {
        let worker = Running::worker(&bed, &bed.parts());
        let seen = bed.drained().await;
        assert_eq!((seen.tally.counted, seen.raw), (2, 2), "{seen:?}");
        worker.stop().await;
    });
}

#[tokio::test]
async fn told_to_stop_while_raw_is_away() {
    let bed = Bed::new();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, |_| Fault::Away);
    bed.publish(&[bed.message(1, &["/a", "/b"])]).await;
    let worker = Running::worker(&bed, &parts);
    bed.until("all is counted", |s| s.tally.counted == 2).await;
    worker.stop().await;
    let seen = bed.seen().await;
    assert_eq!((seen.raw, seen.queued), (0, 1), "nothing is acked");
    let mut consumer = bed.queue.consume(&bed.pipeline()).await.unwrap();
    let found = consumer.next(10, Duration::from_secs(5)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].delivered_before, 0, "the message is not to blame");
    drop(consumer);
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (2, 2));
    assert_eq!((seen.tally.duplicates, seen.raw), (0, 2), "{seen:?}");
    worker.stop().await;
}

#[tokio::test]
async fn an_orderly_stop_finishes_what_it_holds() {
    let bed = Bed::new();
    let (gate, calls) = (Arc::new(Semaphore::new(0)), Calls::default());
    let (plan_gate, plan_calls) = (gate.clone(), calls.clone());
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(_) => {
            plan_calls.next();
            Fault::Slow(plan_gate.clone())
        }
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a", "/b"]), bed.message(2, &["/c"])])
        .await;
    let worker = Running::worker(&bed, &parts);
    until("the count began", async || calls.seen(), |n| *n == 1).await;
    worker.shutdown.begin();
    let stopping = worker.stop();
    assert_eq!(bed.seen().await.queued, 2, "it still holds them");
    gate.add_permits(100);
    stopping.await;
    let seen = bed.drained().await;
    assert_eq!((seen.tally.counted, seen.raw), (3, 3), "{seen:?}");
    let mut consumer = bed.queue.consume(&bed.pipeline()).await.unwrap();
    let left = consumer.next(10, Duration::from_millis(50)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let bed = Bed::new();
    let worker = Running::worker(&bed, &bed.parts());
    until("ready", async || worker.failure(), Option::is_none).await;
    worker.stop().await;
}
