//! What a restart of the process leaves in the queue.

use super::{
    Harness,
    stage::{Stage, assert_same, eventually, nothing_comes, tags, take, within},
};

/// Delivered and not acked is not gone: it comes again, counted.
pub async fn unacked_survives_a_restart<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = stage.publish_some(6).await;
    let mut consumer = stage.consumer().await;
    take(consumer.as_mut(), 6).await;
    drop(consumer);
    let stage = stage.restart().await;
    let mut consumer = stage.consumer().await;
    let again = take(consumer.as_mut(), 6).await;
    assert_same(&again, &sent);
    for delivery in &again {
        assert!(delivery.delivered_before >= 1, "not counted: {delivery:?}");
    }
}

/// An ack is for good.
pub async fn acked_never_returns<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = stage.publish_some(10).await;
    let mut consumer = stage.consumer().await;
    let (acked, kept): (Vec<_>, Vec<_>) = take(consumer.as_mut(), 10)
        .await
        .into_iter()
        .partition(|delivery| sent[..5].contains(&delivery.message));
    within("ack", consumer.ack(&tags(&acked))).await.unwrap();
    drop(consumer);
    let stage = stage.restart().await;
    let mut consumer = stage.consumer().await;
    let again = take(consumer.as_mut(), kept.len()).await;
    assert_same(&again, &sent[5..]);
    nothing_comes(consumer.as_mut()).await;
    within("ack", consumer.ack(&tags(&again))).await.unwrap();
    eventually("the queue is empty", || async {
        let depth = stage.handle.depth(&stage.name).await.unwrap();
        if depth.ready + depth.unacknowledged.unwrap_or(0) == 0 {
            Ok(())
        } else {
            Err(depth)
        }
    })
    .await;
}
