//! What has no queue, no room, or no more deliveries.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use futures_util::{Stream, StreamExt, future::ready, stream};
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
    /// At once on the way; so many more follow when the binding has gone.
    const AT_ONCE: usize = 1_000;
    let vhost = Vhost::create().await;
    let mut options = options(&vhost);
    options.max_waiting = AT_ONCE;
    // A busy machine may need longer than a client may wait; what is asked here is where messages go.
    options.publish_timeout = DEADLINE;
    let queue = AmqpQueue::connect(options);
    queue.declare(&topology(&["orders"])).await.unwrap();
    queue.ready(DEADLINE).await.unwrap();
    let orders = queue_named("orders");
    let connection = side_door(&vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let (told, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut after = 0;
    let publishing = stream::iter(0..)
        .take_while(|_| {
            after += usize::from(gone.load(SeqCst));
            ready(after <= AT_ONCE)
        })
        .map(|number| message(&orders, number))
        .map(|message| async {
            let id = message.id;
            queue.publish(message).await.unwrap();
            told.fetch_add(1, SeqCst);
            id
        })
        .buffer_unordered(AT_ONCE)
        .collect::<BTreeSet<_>>();
    let unbinding = async {
        let filling = || async {
            let told = told.load(SeqCst);
            (told > 100).then_some(()).ok_or(told)
        };
        eventually("the queue fills", filling).await;
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
        gone.store(true, SeqCst);
    };
    let (confirmed, ()) = tokio::join!(publishing, unbinding);
    // From both until all have come: how much waits in a queue is not always told.
    let pouring = stream::select(
        pour_out(&connection, orders.clone()).await,
        pour_out(&connection, parked()).await,
    );
    let mut pouring = std::pin::pin!(pouring);
    let (mut there, mut stranded) = (BTreeSet::new(), 0);
    while there.len() < confirmed.len() {
        let what = format!("all {}, of which {} came", confirmed.len(), there.len());
        let (from, id) = within(&what, pouring.next()).await.unwrap();
        stranded += usize::from(from != orders);
        there.insert(id);
    }
    println!("{} confirmed, {stranded} of them parked", there.len());
    assert!(there == confirmed, "confirmed and not there");
    let both = 0 < stranded && stranded < confirmed.len();
    assert!(both, "the binding went when nothing was published");
}

/// What is in a queue, taken past the adapter without acks: the keeper's one at a time would take minutes.
async fn pour_out(
    connection: &lapin::Connection,
    name: QueueName,
) -> impl Stream<Item = (QueueName, MessageId)> {
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
    consumer.map(move |delivery| {
        let id = properties::id(&delivery.unwrap().properties).unwrap();
        (name.clone(), id)
    })
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
    // A broker that is busy says 0.
    let waiting = || async {
        let depth = queue.depth(&small).await.unwrap();
        (depth.ready > 0).then_some(depth.ready).ok_or(depth)
    };
    let ready = eventually("the full queue says so", waiting).await as usize;
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
