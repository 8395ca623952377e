//! The contract on RabbitMQ, and what only a broker can be asked.

mod consuming;
mod depths;
mod faults;
mod limits;
mod mixed;
mod pace;
mod proxy;

use std::sync::Arc;

use async_trait::async_trait;
use sendry_domain::{
    id::{MessageId, PipelineName, TenantId},
    routing::QueueName,
};
use tokio::time::Instant;

use super::{AmqpOptions, AmqpQueue};
use crate::{
    EventQueue,
    adapters::vhost::Vhost,
    contract::{DEADLINE, Harness, SILENCE, stage::tags},
    event_queue_contract,
    topology::{Limits, TenantQueues, Topology, desired},
};

struct Amqp(Vhost);

#[async_trait]
impl Harness for Amqp {
    const COUNTS_EVERY_RETURN: bool = true;

    async fn start() -> Self {
        let vhost = Vhost::create().await;
        let queue = AmqpQueue::connect(options(&vhost));
        queue.declare(&desired("test", &[])).await.unwrap();
        Self(vhost)
    }

    async fn open(&self) -> Arc<dyn EventQueue> {
        let queue = AmqpQueue::connect(options(&self.0));
        queue.ready(DEADLINE).await.unwrap();
        Arc::new(queue)
    }

    async fn queue(&self, _: &Arc<dyn EventQueue>, name: &str) -> QueueName {
        let queue = AmqpQueue::connect(options(&self.0));
        queue.declare(&topology(&[name])).await.unwrap();
        queue_named(name)
    }
}

event_queue_contract!(Amqp);

fn options(vhost: &Vhost) -> AmqpOptions {
    let mut options = AmqpOptions::new(&vhost.url()).unwrap();
    options.name.clone_from(&vhost.name);
    options
}

fn queue_named(name: &str) -> QueueName {
    QueueName::Pipeline(
        TenantId::new("acme").unwrap(),
        PipelineName::new(name).unwrap(),
    )
}

/// What tenant `acme` needs for these pipelines.
fn topology(pipelines: &[&str]) -> Topology {
    let pipelines = pipelines
        .iter()
        .map(|name| PipelineName::new(name).unwrap())
        .collect();
    let tenant = TenantId::new("acme").unwrap();
    desired(
        "test",
        &[TenantQueues::new(tenant, pipelines, Limits::default())],
    )
}

/// A virtual host with these pipelines of tenant `acme`, and a handle on it.
async fn stage(pipelines: &[&str]) -> (Vhost, AmqpQueue) {
    let vhost = Vhost::create().await;
    let queue = AmqpQueue::connect(options(&vhost));
    queue.declare(&topology(pipelines)).await.unwrap();
    queue.ready(DEADLINE).await.unwrap();
    (vhost, queue)
}

fn parked() -> QueueName {
    QueueName::Parked(TenantId::new("acme").unwrap())
}

/// A connection past the adapter.
async fn side_door(vhost: &Vhost) -> lapin::Connection {
    lapin::Connection::connect(&vhost.url(), lapin::ConnectionProperties::default())
        .await
        .unwrap()
}

/// The ids of everything in a queue, which is empty afterwards. Waits until `count` came.
async fn drain(queue: &AmqpQueue, name: &QueueName, count: usize) -> Vec<MessageId> {
    let mut consumer = queue.consume(name).await.unwrap();
    let (mut ids, started) = (Vec::new(), Instant::now());
    while ids.len() < count {
        assert!(
            started.elapsed() < DEADLINE,
            "{} of {count} came",
            ids.len()
        );
        let batch = consumer.next(1_000, SILENCE).await.unwrap();
        consumer.ack(&tags(&batch)).await.unwrap();
        ids.extend(batch.iter().map(|delivery| delivery.message.id));
    }
    ids
}
