//! Deliveries that are no message of ours become one dead letter each, for all of their events.

use sendry_store::{
    MetricStore,
    contract::build::{Sealer, event, request, tenant},
};

use crate::{
    faults::{Call, Calls, Fault, Faulty, Switch},
    harness::Bed,
    running::{Running, until},
};

#[tokio::test]
async fn bytes_nobody_can_read() {
    let bed = Bed::new();
    bed.publish(&[bed.message(1, &["/a"])]).await;
    for _ in 0..2 {
        let bytes = b"\xff not a message".to_vec();
        bed.publish_bytes(bed.pipeline(), bed.seal.id(2), 7, bytes)
            .await;
    }
    bed.publish(&[bed.message(3, &["/b"])]).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (9, 2));
    assert_eq!((seen.tally.dead_open, seen.raw), (7, 2), "{seen:?}");
    let letters = bed.letters().await;
    assert_eq!(letters.len(), 1, "a redelivery is no second letter");
    assert_eq!(letters[0].id.message, bed.seal.id(2));
    assert_eq!((letters[0].events, letters[0].replayable), (7, false));
    assert_eq!(letters[0].reason, "undecodable");
    assert!(letters[0].body.ends_with(" not a message"), "{letters:?}");
    worker.stop().await;
}

#[tokio::test]
async fn another_tenants_message() {
    let bed = Bed::new();
    let victim = tenant("victim");
    let message = Sealer::new(&victim).message(1, &request([event(), event()]));
    bed.publish(std::slice::from_ref(&message)).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.counted, seen.tally.dead_open), (0, 2));
    let letters = bed.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].tenant, bed.tenant, "under the queue's tenant");
    assert_eq!(letters[0].id.message, message.id);
    assert!(letters[0].message.contains("another tenant"), "{letters:?}");
    let theirs = bed.store.ledger(&victim).await.unwrap().tally;
    assert_eq!(theirs, Default::default());
    worker.stop().await;
}

#[tokio::test]
async fn another_message_than_its_properties_say() {
    let bed = Bed::new();
    let body = bed.message(1, &["/a", "/b"]).encode().unwrap();
    bed.publish_bytes(bed.pipeline(), bed.seal.id(2), 2, body)
        .await;
    bed.publish(&[bed.message(1, &["/a", "/b"])]).await;
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.counted, seen.tally.dead_open), (2, 2));
    assert_eq!(bed.letters().await[0].id.message, bed.seal.id(2));
    worker.stop().await;
}

#[tokio::test]
async fn buried_once_though_the_store_is_away() {
    let bed = Bed::new();
    let calls = Calls::default();
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Bury => match calls.next() {
            0 => Fault::Away,
            1 => Fault::AwayAtCommit,
            _ => Fault::None,
        },
        _ => Fault::None,
    });
    bed.publish_bytes(bed.pipeline(), bed.seal.id(1), 4, b"?".to_vec())
        .await;
    let worker = Running::worker(&bed, &parts);
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.dead_open), (4, 4));
    assert_eq!(bed.letters().await.len(), 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_letter_the_store_refuses_stays_in_the_queue() {
    let bed = Bed::new();
    let tried = Switch::default();
    let plan_tried = tried.clone();
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Bury => {
            plan_tried.set(true);
            Fault::Refuse
        }
        _ => Fault::None,
    });
    bed.publish_bytes(bed.pipeline(), bed.seal.id(1), 4, b"?".to_vec())
        .await;
    let worker = Running::worker(&bed, &parts);
    until("it was tried", async || tried.is_on(), |on| *on).await;
    bed.publish(&[bed.message(2, &["/a"])]).await;
    let seen = bed.until("others count", |s| s.tally.counted == 1).await;
    assert_eq!((seen.tally.received, seen.tally.dead_open), (1, 0));
    worker.stop().await;
    assert_eq!(bed.seen().await.queued, 1, "not lost");
    let worker = Running::worker(&bed, &bed.parts());
    assert_eq!(bed.drained().await.tally.dead_open, 4);
    worker.stop().await;
}
