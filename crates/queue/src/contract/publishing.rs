//! What goes in comes out, whole and where it was meant for.

use sendry_domain::time::UnixMillis;

use super::{
    Harness,
    stage::{Stage, assert_same, message, next, noise, nothing_comes, tags, take, within},
};
use crate::Sealed;

/// Every property arrives, and an ack ends it.
pub async fn what_is_published_arrives_whole<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = Sealed {
        events: 17,
        ..message(&stage.name, 1)
    };
    stage.publish(&sent).await;
    let mut consumer = stage.consumer().await;
    let batch = next(consumer.as_mut(), 100).await;
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].message, sent);
    assert_eq!(batch[0].delivered_before, 0);
    within("ack", consumer.ack(&tags(&batch))).await.unwrap();
    nothing_comes(consumer.as_mut()).await;
}

/// A body is bytes, not text: NUL, invalid UTF-8 and no bytes at all.
pub async fn bytes_survive_exactly<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let bodies = [
        noise(5_000),
        vec![0; 300],
        vec![0xff, 0xfe, 0, b'\n', b'\r'],
        Vec::new(),
    ];
    let sent: Vec<Sealed> = (0u32..)
        .zip(bodies)
        .map(|(n, body)| Sealed {
            body,
            ..message(&stage.name, n)
        })
        .collect();
    for message in &sent {
        stage.publish(message).await;
    }
    let mut consumer = stage.consumer().await;
    assert_same(&take(consumer.as_mut(), sent.len()).await, &sent);
}

/// As large as a whole request may be on the wire.
pub async fn a_large_body_survives<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = Sealed {
        body: noise(1 << 20),
        ..message(&stage.name, 1)
    };
    stage.publish(&sent).await;
    let mut consumer = stage.consumer().await;
    let batch = next(consumer.as_mut(), 1).await;
    assert!(batch[0].message == sent, "the body changed on its way");
}

/// Nobody has to listen when a message is published.
pub async fn what_is_published_while_nobody_reads_is_kept<H: Harness>() {
    let stage = Stage::<H>::new().await;
    drop(stage.consumer().await);
    let sent = stage.publish_some(20).await;
    let mut consumer = stage.consumer().await;
    assert_same(&take(consumer.as_mut(), 20).await, &sent);
}

/// A queue delivers what was published to it and nothing else.
pub async fn queues_are_isolated<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let other = stage.harness.queue(&stage.handle, "payments").await;
    let ours = stage.publish_some(5).await;
    let accepted_at = UnixMillis(7);
    let theirs: Vec<Sealed> = (0..3)
        .map(|n| Sealed {
            accepted_at,
            ..message(&other, n)
        })
        .collect();
    for message in &theirs {
        stage.publish(message).await;
    }
    let mut here = stage.consumer().await;
    let mut there = stage.handle.consume(&other).await.unwrap();
    assert_same(&take(here.as_mut(), 5).await, &ours);
    assert_same(&take(there.as_mut(), 3).await, &theirs);
    nothing_comes(here.as_mut()).await;
    nothing_comes(there.as_mut()).await;
}

/// Readiness can be asked for, and asking leaves nothing behind.
pub async fn check_passes_on_a_working_queue<H: Harness>() {
    let stage = Stage::<H>::new().await;
    within("check", stage.handle.check()).await.unwrap();
    let mut consumer = stage.consumer().await;
    nothing_comes(consumer.as_mut()).await;
}
