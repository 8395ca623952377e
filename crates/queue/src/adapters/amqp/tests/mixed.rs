//! Messages with and without a queue, many in flight on one channel.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use lapin::{
    BasicProperties, Confirmation, ExchangeKind,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use sendry_domain::routing::EXCHANGE;

use super::*;
use crate::{PublishError, contract::stage::message};

const COUNT: u32 = 4_000;
const IN_FLIGHT: usize = 250;

/// In no rhythm that could hide a mix-up.
fn routable(n: u32) -> bool {
    (n.wrapping_mul(2_654_435_761) >> 16) & 1 == 0
}

/// The exchange without an alternate, and queue `orders` bound to it: what has no queue is returned.
async fn without_alternate(vhost: &Vhost) -> lapin::Channel {
    let connection = side_door(vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let none = FieldTable::default;
    channel
        .exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, none())
        .await
        .unwrap();
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let mut quorum = none();
    quorum.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    let name = queue_named("orders");
    channel
        .queue_declare(name.to_string().into(), durable, quorum)
        .await
        .unwrap();
    let (key, bind) = (name.routing_key(), QueueBindOptions::default());
    channel
        .queue_bind(
            name.to_string().into(),
            EXCHANGE.into(),
            key.into(),
            bind,
            none(),
        )
        .await
        .unwrap();
    channel
}

/// What the library does, on which `verdicts.rs` rests: it mixes returns up (how many is printed, for a later version may
/// not), but hands out each of them exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn the_library_hands_out_each_return_once_with_some_confirm() {
    let vhost = Vhost::create().await;
    let channel = without_alternate(&vhost).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let publishes = stream::iter(0..COUNT).map(|n| {
        let channel = channel.clone();
        async move {
            let key = if routable(n) {
                "acme.orders"
            } else {
                "acme.nowhere"
            };
            let properties = BasicProperties::default().with_message_id(n.to_string().into());
            let mandatory = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let confirm = channel
                .basic_publish(EXCHANGE.into(), key.into(), mandatory, b"x", properties)
                .await
                .unwrap();
            match confirm.await.unwrap() {
                Confirmation::Ack(returned) => {
                    let id = |m: lapin::message::BasicReturnMessage| {
                        m.properties.message_id().as_ref().unwrap().to_string()
                    };
                    (
                        n,
                        returned.map(|message| id(message).parse::<u32>().unwrap()),
                    )
                }
                other => panic!("{other:?}"),
            }
        }
    });
    let told: Vec<(u32, Option<u32>)> = publishes.buffer_unordered(IN_FLIGHT).collect().await;
    let wrongly_refused = told.iter().filter(|(n, id)| routable(*n) && id.is_some());
    let lost = told.iter().filter(|(n, id)| !routable(*n) && id.is_none());
    println!(
        "of {COUNT} publishes, taken at its word the library refuses {} that were stored and confirms {} that were not",
        wrongly_refused.count(),
        lost.count()
    );
    let mut returned: Vec<u32> = told.iter().filter_map(|(_, id)| *id).collect();
    returned.sort_unstable();
    let expected: Vec<u32> = (0..COUNT).filter(|n| !routable(*n)).collect();
    assert_eq!(returned, expected);
}

/// The same through the adapter: confirmed is stored, refused is not, without an exception.
#[tokio::test(flavor = "multi_thread")]
async fn each_publish_gets_its_own_answer() {
    let vhost = Vhost::create().await;
    without_alternate(&vhost).await;
    let mut options = options(&vhost);
    options.max_waiting = COUNT as usize;
    let queue = AmqpQueue::connect(options);
    queue.ready(DEADLINE).await.unwrap();
    let (orders, nowhere) = (queue_named("orders"), queue_named("nowhere"));
    let messages = (0..COUNT).map(|n| message(if routable(n) { &orders } else { &nowhere }, n));
    let answers: Vec<_> = stream::iter(messages)
        .map(|message| async {
            let (id, to) = (message.id, message.queue.clone());
            (id, to, queue.publish(message).await)
        })
        .buffer_unordered(COUNT as usize)
        .collect()
        .await;
    let mut confirmed = BTreeSet::new();
    for (id, to, answer) in answers {
        match answer {
            Ok(()) if to == orders => assert!(confirmed.insert(id)),
            Err(PublishError::Unavailable(reason)) if to == nowhere => {
                assert!(reason.contains("sendry.acme.nowhere"), "{reason}");
            }
            answer => panic!("{to}: {answer:?}"),
        }
    }
    let there: BTreeSet<_> = drain(&queue, &orders, confirmed.len())
        .await
        .into_iter()
        .collect();
    assert_eq!(there, confirmed);
}
