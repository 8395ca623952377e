//! While a store is away the worker waits, says so, and blames no message.

use sendry_worker::{Parts, metrics::Store};

use crate::{
    faults::{Call, Calls, Fault, Faulty, Switch},
    harness::Bed,
    running::{Running, until},
};

fn gauge(parts: &Parts, store: &'static str) -> i64 {
    parts.metrics.breakers.get_or_create(&Store { store }).get()
}

#[tokio::test]
async fn a_metric_store_away_for_long() {
    let bed = Bed::new();
    let (away, calls) = (Switch::default(), Calls::default());
    away.set(true);
    let (plan_away, plan_calls) = (away.clone(), calls.clone());
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(_) if plan_away.is_on() => {
            plan_calls.next();
            Fault::Away
        }
        _ => Fault::None,
    });
    let messages: Vec<_> = (1..4).map(|n| bed.message(n, &["/a", "/b"])).collect();
    bed.publish(&messages).await;
    let worker = Running::worker(&bed, &parts);
    let said = until("it says so", async || worker.failure(), Option::is_some);
    let said = said.await.unwrap();
    // Before its first message it is starting.
    if said != "the metric store is away" {
        let says = |s: &Option<String>| s.as_deref() == Some("the metric store is away");
        until("it says why", async || worker.failure(), says).await;
    }
    assert_eq!((calls.seen(), gauge(&parts, "metric")), (5, 2));
    bed.publish(&[bed.message(4, &["/c"])]).await;

    // Half-open, a single try, and open again.
    bed.clock.advance(31_000);
    until("it tried again", async || calls.seen(), |n| *n == 6).await;
    let open = async || gauge(&parts, "metric");
    until("open again", open, |g| *g == 2).await;
    let seen = bed.seen().await;
    assert_eq!(seen.tally, Default::default(), "{seen:?}");
    assert_eq!((seen.queued, seen.parked, seen.raw), (4, 0, 0), "{seen:?}");
    assert_eq!(bed.letters().await, []);
    assert_eq!(calls.seen(), 6);

    away.set(false);
    bed.clock.advance(31_000);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (7, 7));
    assert_eq!(seen.raw, 7, "{seen:?}");
    until("ready", async || worker.failure(), Option::is_none).await;
    until("closed", open, |g| *g == 0).await;
    let failures = &parts.metrics.store_failures;
    let failures = failures.get_or_create(&Store { store: "metric" }).get();
    assert_eq!(failures, 6);
    assert_eq!(parts.metrics.redelivered.get(), 0, "held, not given back");
    worker.stop().await;
}

#[tokio::test]
async fn a_raw_store_away_says_so_too() {
    let bed = Bed::new();
    let away = Switch::default();
    away.set(true);
    let plan_away = away.clone();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, move |_| match plan_away.is_on() {
        true => Fault::Away,
        false => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a"])]).await;
    let worker = Running::worker(&bed, &parts);
    let says = |s: &Option<String>| s.as_deref() == Some("the raw store is away");
    until("it says so", async || worker.failure(), says).await;
    assert_eq!((gauge(&parts, "metric"), gauge(&parts, "raw")), (0, 2));
    let seen = bed.seen().await;
    assert_eq!((seen.tally.counted, seen.queued), (1, 1), "{seen:?}");
    away.set(false);
    bed.clock.advance(31_000);
    assert_eq!(bed.drained().await.raw, 1);
    assert_eq!(parts.metrics.redelivered.get(), 0, "held, not given back");
    until("ready", async || worker.failure(), Option::is_none).await;
    worker.stop().await;
}

#[tokio::test]
async fn stopped_while_open_it_leaves_everything() {
    let bed = Bed::new();
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, |_| Fault::Away);
    bed.publish(&[bed.message(1, &["/a"])]).await;
    let worker = Running::worker(&bed, &parts);
    let open = async || gauge(&parts, "metric");
    until("open", open, |g| *g == 2).await;
    worker.stop().await;
    let seen = bed.seen().await;
    assert_eq!((seen.queued, seen.tally.received), (1, 0), "{seen:?}");
    let worker = Running::worker(&bed, &bed.parts());
    assert_eq!(bed.drained().await.tally.counted, 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_panicking_probe_gives_its_permit_back() {
    let bed = Bed::new();
    let (away, calls) = (Switch::default(), Calls::default());
    away.set(true);
    let (plan_away, plan_calls) = (away.clone(), calls.clone());
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(_) if plan_away.is_on() => Fault::Away,
        // More often than there are probes.
        Call::Count(_) if plan_calls.next() < 4 => Fault::Panic,
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a"]), bed.message(2, &["/b"])])
        .await;
    let worker = Running::worker(&bed, &parts);
    let open = async || gauge(&parts, "metric");
    until("open", open, |g| *g == 2).await;
    away.set(false);
    bed.clock.advance(31_000);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.counted, seen.raw), (2, 2), "{seen:?}");
    assert!(calls.seen() > 4);
    worker.stop().await;
}
