//! Channels that come and go, messages that are not ours, and topology from two hands.

use std::sync::Arc;

use lapin::{BasicProperties, options::BasicPublishOptions};
use sendry_domain::time::UnixMillis;

use super::*;
use crate::{
    contract::stage::{message, next},
    topology::{Check, reconcile_all},
};

/// A handle that may open few channels, so that a leak shows.
async fn narrow(vhost: &Vhost) -> AmqpQueue {
    let options = AmqpOptions::new(&format!("{}?channel_max=8", vhost.url())).unwrap();
    let queue = AmqpQueue::connect(options);
    queue.declare(&topology(&["orders"])).await.unwrap();
    queue.ready(DEADLINE).await.unwrap();
    queue
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_not_there_is_an_error_and_leaks_no_channel() {
    let vhost = Vhost::create().await;
    let queue = narrow(&vhost).await;
    for _ in 0..30 {
        let missing = queue_named("missing");
        let error = queue.consume(&missing).await.err().unwrap();
        assert!(error.to_string().contains("sendry.acme.missing"), "{error}");
        assert!(queue.depth(&missing).await.is_err());
    }
    queue.depth(&queue_named("orders")).await.unwrap();
    queue.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_went_leave_no_channel_behind() {
    let vhost = Vhost::create().await;
    let queue = narrow(&vhost).await;
    let orders = queue_named("orders");
    let before = queue.link.connection().await.unwrap();
    for n in 0..30 {
        let mut consumer = queue.consume(&orders).await.unwrap();
        queue.publish(message(&orders, n)).await.unwrap();
        let batch = next(consumer.as_mut(), 1).await;
        consumer.ack(&tags(&batch)).await.unwrap();
        queue.depth(&orders).await.unwrap();
    }
    let after = queue.link.connection().await.unwrap();
    assert!(Arc::ptr_eq(&before, &after), "it ran out of channels");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_whose_queue_is_deleted_fails() {
    let (vhost, queue) = stage(&["orders"]).await;
    let orders = queue_named("orders");
    let mut consumer = queue.consume(&orders).await.unwrap();
    let deleted = ["queues", vhost.name.as_str(), &orders.to_string()];
    vhost.call(reqwest::Method::DELETE, &deleted, None).await;
    let error = consumer.next(1, DEADLINE).await.unwrap_err();
    assert_eq!(error.doing, "consume from");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_message_comes_with_the_same_name_every_time() {
    let (vhost, queue) = stage(&["orders"]).await;
    let orders = queue_named("orders");
    let connection = side_door(&vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let (name, options) = (orders.to_string(), BasicPublishOptions::default());
    let foreign = BasicProperties::default().with_message_id("not-a-uuid".into());
    channel
        .basic_publish("".into(), name.into(), options, b"not ours", foreign)
        .await
        .unwrap();
    let mut names = Vec::new();
    for before in 0..2 {
        let mut consumer = queue.consume(&orders).await.unwrap();
        let batch = next(consumer.as_mut(), 1).await;
        assert_eq!(batch[0].delivered_before, before);
        let message = &batch[0].message;
        assert_eq!((message.events, message.accepted_at), (1, UnixMillis(0)));
        assert_eq!(message.body, b"not ours");
        names.push(message.id);
    }
    assert_eq!(names[0], names[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_and_an_operator_may_declare_the_same() {
    let vhost = Vhost::create().await;
    let (api, topology) = (vhost.management(), topology(&["orders"]));
    // A worker first, without policies; then an operator takes over; then a worker again.
    let queue = AmqpQueue::connect(options(&vhost));
    queue.declare(&topology).await.unwrap();
    queue.declare(&topology).await.unwrap();
    let pass = reconcile_all(&api, &topology).await.unwrap();
    assert!(
        pass.conflicts.is_empty() && matches!(pass.check, Check::InEffect),
        "{pass:?}"
    );
    queue.declare(&topology).await.unwrap();
    let pass = reconcile_all(&api, &topology).await.unwrap();
    assert!(pass.is_at_rest(), "{pass:?}");
    // The other way round.
    let other = Vhost::create().await;
    let api = other.management();
    reconcile_all(&api, &topology).await.unwrap();
    let queue = AmqpQueue::connect(options(&other));
    queue.declare(&topology).await.unwrap();
    let pass = reconcile_all(&api, &topology).await.unwrap();
    assert!(pass.is_at_rest(), "{pass:?}");
}
