//! What a reader may do on a real broker.

use sendry_domain::{id::PipelineName, routing::QueueName};

use super::*;
use crate::{
    EventQueue,
    adapters::amqp::{AmqpOptions, AmqpQueue},
    contract::{
        DEADLINE,
        stage::{message, next, tags, take, within},
    },
    topology::{MIN_DELIVERY_LIMIT, reader_of},
};

async fn as_user(vhost: &Vhost, user: &str, password: &str) -> AmqpQueue {
    let url = vhost.url();
    let url = url.replace("guest:guest@", &format!("{user}:{password}@"));
    let queue = AmqpQueue::connect(AmqpOptions::new(&url).unwrap());
    queue.ready(DEADLINE).await.unwrap();
    queue
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_drains_its_queue_and_may_do_nothing_else() {
    let stage = Real::start().await;
    let tenant = stage.tenant();
    let pipelines = ["orders", "audit"].map(|name| PipelineName::new(name).unwrap());
    let [orders, audit] = pipelines
        .each_ref()
        .map(|name| QueueName::Pipeline(tenant.clone(), name.clone()));
    let parked = QueueName::Parked(tenant.clone());
    let limits = Limits {
        delivery_limit: MIN_DELIVERY_LIMIT,
        ..Limits::default()
    };
    let mut wanted = TenantQueues::new(tenant.clone(), pipelines.into(), limits);
    wanted.pipelines[0].reader = Some(SecretText::new("orders-secret"));
    wanted.parked_reader = Some(SecretText::new("parked-secret"));
    let topology = desired("c1", &[wanted]);
    let pass = reconcile_all(&stage.api, &topology).await.unwrap();
    assert!(pass.of(&tenant).is_whole(), "{pass:?}");

    let ingest = AmqpQueue::connect(AmqpOptions::new(&stage.vhost.url()).unwrap());
    ingest.ready(DEADLINE).await.unwrap();
    let worker = as_user(&stage.vhost, &reader_of(&orders), "orders-secret").await;
    let keeper = as_user(&stage.vhost, &reader_of(&parked), "parked-secret").await;

    // All that a worker does to its queue: asking its depth, taking, acking, giving back until it is parked.
    let [acked, poison] = [1, 2].map(|n| message(&orders, n));
    ingest.publish(acked).await.unwrap();
    worker.depth(&orders).await.unwrap();
    let mut consumer = worker.consume(&orders).await.unwrap();
    let batch = next(consumer.as_mut(), 1).await;
    consumer.ack(&tags(&batch)).await.unwrap();
    ingest.publish(poison.clone()).await.unwrap();
    for _ in 0..MIN_DELIVERY_LIMIT {
        let taken = take(consumer.as_mut(), 1).await;
        within("put back", consumer.put_back(&tags(&taken), true))
            .await
            .unwrap();
    }
    let mut kept = keeper.consume(&parked).await.unwrap();
    let batch = take(kept.as_mut(), 1).await;
    assert_eq!(batch[0].message.id, poison.id);
    kept.ack(&tags(&batch)).await.unwrap();

    // And nothing else: no other queue, no publishing.
    for queue in [&audit, &parked] {
        assert!(worker.consume(queue).await.is_err(), "{queue}");
    }
    assert!(keeper.consume(&orders).await.is_err());
    let sent = worker.publish(message(&orders, 3)).await;
    assert!(sent.is_err(), "a reader published");
    let left = ingest.depth(&orders).await.unwrap();
    assert_eq!(left.ready, 0, "{left:?}");
}
