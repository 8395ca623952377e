//! Documents the raw store refuses are tallied, once, and hold nothing up.

use crate::{
    faults::{Call, Calls, Fault, Faulty, RAW_POISON},
    harness::Bed,
    running::Running,
};

#[tokio::test]
async fn a_refused_document_is_tallied_and_acked() {
    let bed = Bed::new();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, |_| Fault::None);
    let messages = [
        bed.message(1, &["/a", RAW_POISON, "/b"]),
        bed.message(2, &[RAW_POISON]),
    ];
    bed.publish(&messages).await;
    let worker = Running::worker(&bed, &parts);
    let first = bed.drained().await;
    bed.publish(&messages).await;
    let again = bed.drained().await;
    for seen in [first, again] {
        assert_eq!((seen.tally.received, seen.tally.counted), (4, 4));
        assert_eq!((seen.tally.raw_refused, seen.raw), (2, 2), "{seen:?}");
    }
    assert_eq!(bed.letters().await, []);
    worker.stop().await;
}

#[tokio::test]
async fn the_tally_is_made_before_the_ack_and_once() {
    let bed = Bed::new();
    let calls = Calls::default();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, |_| Fault::None);
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::RawRefused => match calls.next() {
            0 => Fault::Away,
            1 => Fault::AwayAtCommit,
            _ => Fault::None,
        },
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a", RAW_POISON])]).await;
    let worker = Running::worker(&bed, &parts);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.counted, seen.tally.raw_refused), (2, 1));
    worker.stop().await;
}

#[tokio::test]
async fn a_refusal_that_names_no_document_is_no_reason_to_ack() {
    let bed = Bed::new();
    let calls = Calls::default();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, move |_| match calls.next() {
        0 => Fault::Refuse,
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a", "/b"])]).await;
    let worker = Running::worker(&bed, &parts);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (2, 2));
    assert_eq!((seen.tally.raw_refused, seen.raw), (0, 2), "{seen:?}");
    worker.stop().await;
}
