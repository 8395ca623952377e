//! A panic over a message costs a redelivery, and at last the message, never the process.

use sendry_domain::counting::Arrival;
use sendry_worker::Parts;

use crate::{
    faults::{Call, Calls, Fault, Faulty},
    harness::Bed,
    running::Running,
};

#[tokio::test]
async fn counted_at_the_next_delivery() {
    let bed = Bed::new();
    let (counts, raws) = (Calls::default(), Calls::default());
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(_) if counts.next() == 0 => Fault::Panic,
        _ => Fault::None,
    });
    parts.raw = Faulty::new(&bed.store, move |_| match raws.next() {
        0 => Fault::Panic,
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a", "/b"]), bed.message(2, &["/c"])])
        .await;
    let worker = Running::worker(&bed, &parts);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (3, 3));
    assert_eq!((seen.tally.duplicates, seen.raw), (0, 3), "{seen:?}");
    assert!(!worker.shutdown.token().is_cancelled(), "it lives on");
    bed.publish(&[bed.message(3, &["/d"])]).await;
    assert_eq!(bed.drained().await.tally.counted, 4);
    worker.stop().await;
}

/// Panics over whatever holds an event of `/crash`.
fn crashing(bed: &Bed) -> Parts {
    let crashes = |arrivals: &[Arrival]| {
        let mut events = arrivals.iter().flat_map(|a| &a.events);
        events.any(|e| e.body.get().contains("/crash"))
    };
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(arrivals) if crashes(arrivals) => Fault::Panic,
        _ => Fault::None,
    });
    parts
}

#[tokio::test]
async fn a_message_that_always_panics_ends_with_the_keeper() {
    let bed = Bed::new();
    let mut messages: Vec<_> = (0..5).map(|n| bed.message(n, &["/a"])).collect();
    messages[2] = bed.message(2, &["/a", "/crash", "/b"]);
    bed.publish(&messages).await;
    let parts = crashing(&bed);
    let worker = Running::worker(&bed, &parts);
    let seen = bed
        .until("neighbours count", |s| s.tally.counted == 4)
        .await;
    assert_eq!(seen.tally.dead_open, 0, "{seen:?}");
    bed.until("it is parked", |s| s.queued == 0 && s.parked == 1)
        .await;
    let keeper = Running::keeper(&bed, &parts);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (7, 4));
    let letters = bed.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].id.message, letters[0].events),
        (messages[2].id, 3)
    );
    assert!(letters[0].message.contains("10 keepers"), "{letters:?}");
    assert!(letters[0].body.contains("/crash"), "nothing is lost");
    worker.stop().await;
    keeper.stop().await;
}
