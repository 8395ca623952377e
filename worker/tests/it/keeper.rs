//! What no worker could finish ends with the keeper.

use std::time::Duration;

use sendry_domain::{message::Message, routing::DELIVERY_LIMIT};
use sendry_queue::EventQueue;
use sendry_worker::{Role, Settings};

use crate::{
    faults::{Call, Fault, Faulty},
    harness::Bed,
    running::Running,
};

/// A message as a later build would write it.
fn foreign(message: &Message) -> Vec<u8> {
    let body = String::from_utf8(message.encode().unwrap()).unwrap();
    let changed = body.replacen("\"v\":1", "\"v\":9", 1);
    assert_ne!(changed, body);
    changed.into_bytes()
}

#[tokio::test]
async fn a_worker_gives_a_foreign_message_back() {
    let bed = Bed::new();
    let message = bed.message(1, &["/a", "/b", "/c"]);
    bed.publish_bytes(bed.pipeline(), message.id, 3, foreign(&message))
        .await;
    bed.publish(&[bed.message(2, &["/a"])]).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed
        .until("others count and are acked", |s| {
            s.queued == 1 && s.raw == 1
        })
        .await;
    assert_eq!((seen.tally.received, seen.tally.counted), (1, 1));
    worker.stop().await;
    assert_eq!(bed.letters().await, [], "another build may read it");
    let mut consumer = bed.queue.consume(&bed.pipeline()).await.unwrap();
    let found = consumer.next(10, Duration::from_secs(5)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message.id, message.id);
    assert!(found[0].delivered_before > 0, "it is to blame: {found:?}");
}

#[tokio::test]
async fn given_back_too_often_it_is_parked_and_the_keeper_buries_it() {
    let bed = Bed::new();
    let message = bed.message(1, &["/a", "/b", "/c"]);
    bed.publish_bytes(bed.pipeline(), message.id, 3, foreign(&message))
        .await;
    bed.publish(&[bed.message(2, &["/a", "/b"])]).await;
    // As many builds that could read neither.
    let mut consumer = bed.queue.consume(&bed.pipeline()).await.unwrap();
    for _ in 0..=2 * DELIVERY_LIMIT {
        let found = consumer.next(100, Duration::from_millis(1)).await.unwrap();
        let tags: Vec<_> = found.iter().map(|d| d.tag).collect();
        consumer.put_back(&tags, true).await.unwrap();
    }
    drop(consumer);
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed
        .until("both are parked", |s| s.queued == 0 && s.parked == 2)
        .await;
    assert_eq!(seen.tally.received, 0, "{seen:?}");
    let keeper = Running::keeper(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (5, 2));
    assert_eq!((seen.tally.dead_open, seen.raw), (3, 2), "{seen:?}");
    let letters = bed.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].id.message, letters[0].events), (message.id, 3));
    assert_eq!(letters[0].reason, "undecodable");
    assert!(letters[0].message.contains("form version 9"), "{letters:?}");
    worker.stop().await;
    keeper.stop().await;
}

#[tokio::test]
async fn parked_and_in_its_pipeline_counts_once() {
    let bed = Bed::new();
    let message = bed.message(1, &["/a", "/b"]);
    // As a crash between parking and removing leaves it.
    bed.publish(std::slice::from_ref(&message)).await;
    bed.publish_bytes(bed.parked(), message.id, 2, message.encode().unwrap())
        .await;
    let worker = Running::worker(&bed, &bed.parts());
    let keeper = Running::keeper(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (2, 2));
    assert_eq!((seen.tally.duplicates, seen.raw), (0, 2), "{seen:?}");
    worker.stop().await;
    keeper.stop().await;
}

#[tokio::test]
async fn a_message_refused_as_a_whole_is_kept_for_later() {
    let bed = Bed::new();
    let mut parts = bed.parts();
    // Every event alone would be accepted.
    parts.counts = Faulty::new(&bed.store, |call| match call {
        Call::Count(arrivals) if arrivals.iter().any(|a| a.events.len() > 1) => Fault::Refuse,
        _ => Fault::None,
    });
    let whole = bed.message(1, &["/a", "/b"]);
    bed.publish(&[whole, bed.message(2, &["/c"])]).await;
    // Two consumers, for the refused message soon comes alone, and always first.
    let worker = Running::start(&parts, Role::Worker, &bed.pipeline(), Settings::default());
    let seen = bed
        .until("the other is counted", |s| {
            s.tally.counted == 1 && s.queued == 1
        })
        .await;
    assert_eq!(seen.tally.received, 1, "{seen:?}");
    worker.stop().await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.raw), (3, 3), "{seen:?}");
    assert_eq!(bed.letters().await, []);
    worker.stop().await;
}
