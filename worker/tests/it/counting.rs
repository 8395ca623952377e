//! What is published is counted once, kept raw and acked.

use sendry_store::contract::build::{event, request};

use crate::{harness::Bed, running::Running};

#[tokio::test]
async fn published_events_are_counted_kept_and_acked() {
    let bed = Bed::new();
    let messages: Vec<_> = (0..20)
        .map(|n| bed.message(n, &["/a", "/b", "/c"]))
        .collect();
    bed.publish(&messages).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (60, 60));
    assert_eq!(seen.raw, 60);
    let raw = bed.raw().await;
    assert!(
        raw.iter().all(|r| r.request_id.starts_with("req-")),
        "the request that brought it is kept"
    );
    assert_eq!(worker.failure(), None);
    worker.stop().await;
}

#[tokio::test]
async fn what_comes_while_it_runs_is_counted_too() {
    let bed = Bed::new();
    let worker = Running::worker(&bed, &bed.parts());
    for n in 0..3 {
        bed.publish(&[bed.message(n, &["/a"])]).await;
        let seen = bed.drained().await;
        assert_eq!(seen.tally.counted, i64::from(n) + 1, "{seen:?}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn the_same_message_twice_counts_once() {
    let bed = Bed::new();
    let message = bed.message(1, &["/a", "/b"]);
    bed.publish(&[message.clone(), message.clone()]).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    // Long after, from a broker that lost an ack.
    bed.publish(&[message]).await;
    let again = bed.drained().await;
    for seen in [seen, again] {
        assert_eq!((seen.tally.received, seen.tally.counted), (2, 2));
        assert_eq!((seen.tally.duplicates, seen.raw), (0, 2), "{seen:?}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_resend_in_other_messages_counts_once() {
    let bed = Bed::new();
    let named = |ids: &[&str]| request(ids.iter().map(|id| event().id(id)));
    let batch = request(["/x", "/y", "/z"].map(|e| event().endpoint(e))).batch(7);
    let other = request([event().endpoint("/other")]).batch(8);
    // First as sent; then re-grouped: in another order, split, beside a request of somebody else.
    let regrouped = [other, batch.clone()];
    let messages = [
        bed.seal.message(1, &named(&["e1", "e2", "e3"])),
        bed.seal.message(2, &named(&["e3", "e1", "e4"])),
        bed.seal.message(3, &batch),
        bed.seal.seal(4, &regrouped, &[(1, 2), (0, 0)]),
        bed.seal.seal(5, &regrouped, &[(1, 0), (1, 1)]),
    ];
    bed.publish(&messages).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!(seen.tally.received, 3 + 3 + 3 + 2 + 2);
    assert_eq!((seen.tally.counted, seen.raw), (4 + 3 + 1, 8), "{seen:?}");
    assert_eq!((seen.tally.duplicates, seen.tally.conflicts), (5, 0));
    worker.stop().await;
}
