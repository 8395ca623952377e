//! What the adapter adds to a bare confirm. Printed, never a gate: a busy machine is slow, not wrong.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use lapin::{
    Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use sendry_domain::routing::EXCHANGE;

use super::*;
use crate::contract::stage::message;

const ROUNDS: u32 = 10;
const EACH: u32 = 60;

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_beside_a_bare_confirm() {
    let (vhost, queue) = stage(&["orders"]).await;
    let connection = side_door(&vhost).await;
    let channel = connection.create_channel().await.unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let orders = queue_named("orders");
    let bare = async |n| {
        let message = message(&orders, n);
        let began = Instant::now();
        let (key, options) = (orders.routing_key(), BasicPublishOptions::default());
        let properties = crate::adapters::amqp::properties::of(&message);
        let confirm = channel
            .basic_publish(
                EXCHANGE.into(),
                key.into(),
                options,
                &message.body,
                properties,
            )
            .await
            .unwrap();
        assert_eq!(confirm.await.unwrap(), Confirmation::Ack(None));
        began.elapsed()
    };
    let ours = async |n| {
        let message = message(&orders, n);
        let began = Instant::now();
        queue.publish(message).await.unwrap();
        began.elapsed()
    };
    for in_flight in [1, 4, 64] {
        let (mut bare_took, mut ours_took) = (Vec::new(), Vec::new());
        // By turns, so that what else the machine does meanwhile meets both.
        for _ in 0..ROUNDS {
            let round = stream::iter(0..EACH).map(bare).buffer_unordered(in_flight);
            bare_took.extend(round.collect::<Vec<_>>().await);
            let round = stream::iter(0..EACH).map(ours).buffer_unordered(in_flight);
            ours_took.extend(round.collect::<Vec<_>>().await);
        }
        let (bare, ours) = (median(bare_took), median(ours_took));
        let ratio = ours.as_secs_f64() / bare.as_secs_f64();
        println!("{in_flight} in flight: bare p50 {bare:?}, ours p50 {ours:?}, ratio {ratio:.2}");
    }
}
