//! What has no queue, no room, or no more deliveries.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use lapin::{options::BasicConsumeOptions, types::FieldTable};
use sendry_domain::routing::{DELIVERY_LIMIT, EXCHANGE};

use super::*;
use crate::{
    PublishError,
    adapters::amqp::properties,
    contract::stage::{eventually, message, next, within},
    topology::reconcile_all,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_queue_is_kept_in_the_parked_one() {
    let (_vhost, queue) = stage(&["orders"]).await;
    let sent = message(&queue_named("nowhere"), 1);
    queue.publish(sent.clone()).await.unwrap();
    assert_eq!(drain(&queue, &parked(), 1).await, [sent.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_while_the_binding_goes_is_in_the_queue_or_parked() {
    const COUNT: u32 = 10_000;
    let vhost = Vhost::create().await;
    let mut options = options(&vhost);
    options.max_waiting = COUNT as usize;
    // A busy machine may need longer than a client may wait; what is asked here is where messages go.
    options.publish_timeout = DEADLINE;
    let queue = AmqpQueue::connect(options);
    queue.declare(&topology(&["orders"])).await.unwrap();
    queue.ready(DEADLINE).await.unwrap();
    let orders = queue_named("orders");
    let connection = side_door(&vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let publishing = stream::iter((0..COUNT).map(|n| message(&orders, n)))
        .map(|message| async {
            let id = message.id;
            queue.publish(message).await.unwrap();
            id
        })
        .buffer_unordered(COUNT as usize)
        .collect::<BTreeSet<_>>();
    let unbinding = async {
        let waiting = || async {
            let depth = queue.depth(&orders).await.unwrap();
            (depth.ready > 100).then_some(()).ok_or(depth)
        };
        eventually("the queue fills", waiting).await;
        let (name, key) = (orders.to_string(), orders.routing_key());
        channel
            .queue_unbind(
                name.into(),
                EXCHANGE.into(),
                key.into(),
                FieldTable::default(),
            )
            .await
            .unwrap();
    };
    let (confirmed, ()) = tokio::join!(publishing, unbinding);
    assert_eq!(confirmed.len(), COUNT as usize);
    let ready = queue.depth(&orders).await.unwrap().ready as usize;
    let rest = COUNT as usize - ready;
    println!("{ready} before the binding went, {rest} after");
    assert!(rest > 0, "the binding went too late to prove anything");
    let mut there = pour_out(&connection, &orders, ready).await;
    there.extend(pour_out(&connection, &parked(), rest).await);
    assert!(there == confirmed, "confirmed and not there");
}

/// The ids of `count` messages, taken past the adapter without acks: the keeper's one at a time would take minutes.
async fn pour_out(
    connection: &lapin::Connection,
    name: &QueueName,
    count: usize,
) -> BTreeSet<MessageId> {
    let channel = connection.create_channel().await.unwrap();
    let options = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    let consumer = channel
        .basic_consume(
            name.to_string().into(),
            "".into(),
            options,
            FieldTable::default(),
        )
        .await
        .unwrap();
    let pouring = consumer
        .take(count)
        .map(|delivery| properties::id(&delivery.unwrap().properties).unwrap())
        .collect();
    within("pour out", pouring).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_its_neighbour_does_not() {
    let vhost = Vhost::create().await;
    let mut topology = topology(&["orders", "small"]);
    let small = topology.queues.last_mut().unwrap();
    small
        .policy
        .definition
        .insert("max-length-bytes".to_owned(), 10_000.into());
    reconcile_all(&vhost.management(), &topology).await.unwrap();
    let queue = AmqpQueue::connect(options(&vhost));
    queue.ready(DEADLINE).await.unwrap();
    let (orders, small) = (queue_named("orders"), queue_named("small"));
    let filled = || async {
        let sent = crate::Sealed {
            body: vec![0; 1_000],
            ..message(&small, 1)
        };
        match queue.publish(sent).await {
            Err(PublishError::Full(full)) if full == small => Ok(()),
            other => Err(other),
        }
    };
    eventually("the queue is full", filled).await;
    queue.publish(message(&orders, 2)).await.unwrap();
    let ready = queue.depth(&small).await.unwrap().ready as usize;
    drain(&queue, &small, ready).await;
    let takes = || async { queue.publish(message(&small, 3)).await };
    eventually("the queue takes again", takes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_message_is_counted_anew_and_never_leaves() {
    let vhost = Vhost::create().await;
    // With limits from a policy, as an operator declares them.
    let topology = topology(&["orders"]);
    reconcile_all(&vhost.management(), &topology).await.unwrap();
    let queue = AmqpQueue::connect(options(&vhost));
    queue.ready(DEADLINE).await.unwrap();
    let orders = queue_named("orders");
    let sent = message(&orders, 1);
    queue.publish(sent.clone()).await.unwrap();
    let mut consumer = queue.consume(&orders).await.unwrap();
    for before in 0..DELIVERY_LIMIT {
        let batch = next(consumer.as_mut(), 10).await;
        assert_eq!(batch[0].delivered_before, before);
        consumer.put_back(&tags(&batch), true).await.unwrap();
    }
    let mut keeper = queue.consume(&parked()).await.unwrap();
    for before in 0..2 * DELIVERY_LIMIT {
        let batch = next(keeper.as_mut(), 10).await;
        assert_eq!(batch[0].message.id, sent.id);
        // As high a count as parks a message may be of the queue it left; the keeper buries long before.
        if before < DELIVERY_LIMIT - 1 {
            assert_eq!(
                batch[0].delivered_before, before,
                "of the parked queue alone"
            );
        }
        keeper.put_back(&tags(&batch), true).await.unwrap();
    }
}
