//! Messages that come again: when, and how they are counted.

use sendry_domain::routing::{DELIVERY_LIMIT, QueueName};

use super::{
    Harness,
    stage::{Stage, assert_same, message, next, nothing_comes, tags, take, within},
};

/// A consumer that is gone gives back all it did not ack, and nothing it did.
pub async fn what_a_dropped_consumer_held_comes_back_counted<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = stage.publish_some(4).await;
    let mut first = stage.consumer().await;
    let (kept, acked): (Vec<_>, Vec<_>) = take(first.as_mut(), 4)
        .await
        .into_iter()
        .partition(|delivery| delivery.message.id != sent[2].id);
    within("ack", first.ack(&tags(&acked))).await.unwrap();
    drop(first);
    let mut second = stage.consumer().await;
    let again = take(second.as_mut(), 3).await;
    let kept: Vec<_> = kept.into_iter().map(|delivery| delivery.message).collect();
    assert_same(&again, &kept);
    for delivery in &again {
        assert!(delivery.delivered_before >= 1, "not counted: {delivery:?}");
    }
    nothing_comes(second.as_mut()).await;
}

/// Leaving in an orderly way is no fault of the messages, where the queue can tell.
pub async fn put_back_without_blame_is_not_counted<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = stage.publish_some(3).await;
    let mut first = stage.consumer().await;
    for _ in 0..3 {
        let taken = take(first.as_mut(), 3).await;
        within("put back", first.put_back(&tags(&taken), false))
            .await
            .unwrap();
    }
    drop(first);
    let mut second = stage.consumer().await;
    let again = take(second.as_mut(), 3).await;
    assert_same(&again, &sent);
    for delivery in &again {
        assert!(
            H::COUNTS_EVERY_RETURN || delivery.delivered_before == 0,
            "counted without blame: {delivery:?}"
        );
    }
}

/// A message whose content was in the way is known by its count, at the same consumer too.
pub async fn put_back_with_blame_is_counted<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = stage.publish_some(1).await;
    let mut consumer = stage.consumer().await;
    for before in 0..3 {
        let taken = take(consumer.as_mut(), 1).await;
        assert_same(&taken, &sent);
        assert!(
            taken[0].delivered_before >= before,
            "{before} blamed: {:?}",
            taken[0]
        );
        within("put back", consumer.put_back(&tags(&taken), true))
            .await
            .unwrap();
    }
}

/// What may have stopped two workers takes no other message with it.
pub async fn delivered_twice_comes_alone<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let mut sent = stage.publish_some(4).await;
    for _ in 0..2 {
        let mut consumer = stage.consumer().await;
        take(consumer.as_mut(), 4).await;
    }
    for n in 4..7 {
        let fresh = message(&stage.name, n);
        stage.publish(&fresh).await;
        sent.push(fresh);
    }
    let mut consumer = stage.consumer().await;
    let (mut taken, mut suspects) = (Vec::new(), 0);
    while taken.len() < sent.len() {
        let batch = next(consumer.as_mut(), 1_000).await;
        if batch.iter().any(|delivery| delivery.delivered_before >= 2) {
            assert_eq!(batch.len(), 1, "a suspect came with others: {batch:?}");
            suspects += 1;
        }
        within("ack", consumer.ack(&tags(&batch))).await.unwrap();
        taken.extend(batch);
    }
    assert_same(&taken, &sent);
    assert_eq!(suspects, 4);
}

/// What nobody could process leaves its queue for the keeper, whole, and its neighbours go on.
pub async fn past_its_delivery_limit_it_is_parked<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent = stage.publish_some(1).await;
    let mut consumer = stage.consumer().await;
    for _ in 0..DELIVERY_LIMIT {
        let taken = take(consumer.as_mut(), 1).await;
        within("put back", consumer.put_back(&tags(&taken), true))
            .await
            .unwrap();
    }
    let healthy = message(&stage.name, 9);
    stage.publish(&healthy).await;
    let taken = next(consumer.as_mut(), 1_000).await;
    assert_same(&taken, &[healthy]);
    let parked = QueueName::Parked(stage.name.tenant().clone());
    let mut keeper = within("consume", stage.handle.consume(&parked))
        .await
        .unwrap();
    let kept = take(keeper.as_mut(), 1).await;
    assert_eq!(
        (
            kept[0].message.id,
            &kept[0].message.body,
            kept[0].message.events
        ),
        (sent[0].id, &sent[0].body, sent[0].events)
    );
}
