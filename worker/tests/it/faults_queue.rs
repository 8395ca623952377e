//! A queue whose acks fail or hang, and whose depth cannot be asked, when told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use sendry_domain::routing::QueueName;
use sendry_queue::{
    Consumer, Delivery, DeliveryTag, Depth, EventQueue, PublishError, QueueError, Sealed,
};

#[derive(Default)]
pub struct Switches {
    /// So many acks fail, and remove nothing.
    pub failing_acks: AtomicUsize,
    /// Acks never return.
    pub hanging_acks: AtomicBool,
    /// Acks begun.
    pub acks: AtomicUsize,
    /// No consumer can be had.
    pub no_consumer: AtomicBool,
    /// Depths are unknown.
    pub no_depth: AtomicBool,
}

pub struct FaultyQueue {
    inner: Arc<dyn EventQueue>,
    pub switches: Arc<Switches>,
}

impl FaultyQueue {
    pub fn before(inner: Arc<dyn EventQueue>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            switches: Arc::default(),
        })
    }
}

fn told_to(doing: &'static str) -> QueueError {
    QueueError {
        doing,
        queue: "test".to_owned(),
        source: "told to".into(),
    }
}

#[async_trait]
impl EventQueue for FaultyQueue {
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        self.inner.publish(message).await
    }

    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        if self.switches.no_consumer.load(SeqCst) {
            return Err(told_to("consume from"));
        }
        let inner = self.inner.consume(queue).await?;
        Ok(Box::new(FaultyConsumer {
            inner,
            switches: self.switches.clone(),
        }))
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        if self.switches.no_depth.load(SeqCst) {
            return Err(told_to("ask"));
        }
        self.inner.depth(queue).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.inner.check().await
    }
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    switches: Arc<Switches>,
}

#[async_trait]
impl Consumer for FaultyConsumer {
    async fn next(&mut self, max_events: u32, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        self.inner.next(max_events, wait).await
    }

    async fn ack(&mut self, tags: &[DeliveryTag]) -> Result<(), QueueError> {
        self.switches.acks.fetch_add(1, SeqCst);
        if self.switches.hanging_acks.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        let take = |left: usize| left.checked_sub(1);
        if self
            .switches
            .failing_acks
            .fetch_update(SeqCst, SeqCst, take)
            .is_ok()
        {
            return Err(told_to("ack to"));
        }
        self.inner.ack(tags).await
    }

    async fn stop(&mut self) -> Result<(), QueueError> {
        self.inner.stop().await
    }

    async fn put_back(&mut self, tags: &[DeliveryTag], blame: bool) -> Result<(), QueueError> {
        self.inner.put_back(tags, blame).await
    }
}
