//! Wrong ways to publish, to ack and to dead-letter.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use sendry_domain::routing::QueueName;
use sendry_queue::{
    Consumer, Delivery, DeliveryTag, Depth, EventQueue, PublishError, QueueError, Sealed,
};

use crate::{
    ports::{AsItIs, Consuming, Queue},
    stage::Mutant,
};

/// More than there ever is.
const EVERYTHING: u32 = 100_000;

async fn ack_all(inner: &mut dyn Consumer, deliveries: &[Delivery]) -> Result<(), QueueError> {
    let tags: Vec<_> = deliveries.iter().map(|d| d.tag).collect();
    inner.ack(&tags).await
}

/// Acks a message when it is handed out: before anything of it is committed.
pub struct AckBeforeCommit;

impl Mutant for AckBeforeCommit {
    fn queue(&self, inner: Arc<dyn EventQueue>) -> Arc<dyn EventQueue> {
        Queue::before(inner, |_| Box::new(AckFirst::default()))
    }
}

/// Keeps what it acks until that is done, or a stop meanwhile would lose it, too: now and then, and not by the seed.
#[derive(Default)]
struct AckFirst(Vec<Delivery>);

#[async_trait]
impl Consuming for AckFirst {
    async fn next(
        &mut self,
        inner: &mut dyn Consumer,
        max_events: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        if self.0.is_empty() {
            self.0 = inner.next(max_events, wait).await?;
        }
        ack_all(inner, &self.0).await?;
        Ok(std::mem::take(&mut self.0))
    }

    async fn ack(&mut self, _: &mut dyn Consumer, _: &[DeliveryTag]) -> Result<(), QueueError> {
        Ok(())
    }
}

/// Messages count as acked when they come into the client's buffer, whether or not anybody has looked at them.
pub struct AutoAck;

impl Mutant for AutoAck {
    fn queue(&self, inner: Arc<dyn EventQueue>) -> Arc<dyn EventQueue> {
        Queue::before(inner, |_| Box::new(Buffer::default()))
    }
}

#[derive(Default)]
struct Buffer(VecDeque<Delivery>);

#[async_trait]
impl Consuming for Buffer {
    async fn next(
        &mut self,
        inner: &mut dyn Consumer,
        max_events: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        if self.0.is_empty() {
            let pushed = inner.next(EVERYTHING, wait).await?;
            // Kept first, for a stop while the ack is written must not lose them: that would not be by the seed.
            self.0.extend(pushed.iter().cloned());
            ack_all(inner, &pushed).await?;
        }
        let (mut taken, mut events) = (Vec::new(), 0);
        while let Some(next) = self.0.pop_front_if(|next| {
            events += next.message.events;
            taken.is_empty() || events <= max_events
        }) {
            taken.push(next);
        }
        Ok(taken)
    }

    async fn ack(&mut self, _: &mut dyn Consumer, _: &[DeliveryTag]) -> Result<(), QueueError> {
        Ok(())
    }
}

/// Says that a message is stored when it is handed in, and stores it a moment later.
pub struct NoConfirm;

impl Mutant for NoConfirm {
    fn queue(&self, inner: Arc<dyn EventQueue>) -> Arc<dyn EventQueue> {
        let waiting = Arc::default();
        Arc::new(Later { inner, waiting })
    }
}

#[derive(Clone)]
struct Later {
    inner: Arc<dyn EventQueue>,
    waiting: Arc<Mutex<VecDeque<Sealed>>>,
}

#[async_trait]
impl EventQueue for Later {
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        self.waiting.lock().unwrap().push_back(message);
        Ok(())
    }

    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        let later = self.clone();
        Queue::before(self.inner.clone(), move |_| {
            Box::new(StoreFirst(later.clone()))
        })
        .consume(queue)
        .await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        let mut depth = self.inner.depth(queue).await?;
        depth.ready += self.waiting.lock().unwrap().len() as u64;
        Ok(depth)
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.inner.check().await
    }
}

struct StoreFirst(Later);

#[async_trait]
impl Consuming for StoreFirst {
    async fn next(
        &mut self,
        inner: &mut dyn Consumer,
        max_events: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        loop {
            let next = self.0.waiting.lock().unwrap().front().cloned();
            let Some(next) = next else { break };
            self.0.inner.publish(next).await.unwrap();
            self.0.waiting.lock().unwrap().pop_front();
        }
        inner.next(max_events, wait).await
    }
}

/// What comes to the parked queue is gone before a keeper sees it.
pub struct AtMostOnceDeadLettering;

impl Mutant for AtMostOnceDeadLettering {
    fn queue(&self, inner: Arc<dyn EventQueue>) -> Arc<dyn EventQueue> {
        Queue::before(inner, |name| match name {
            QueueName::Pipeline(..) => Box::new(AsItIs),
            QueueName::Parked(_) => Box::new(Drop),
        })
    }
}

struct Drop;

#[async_trait]
impl Consuming for Drop {
    async fn next(
        &mut self,
        inner: &mut dyn Consumer,
        max_events: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let deliveries = inner.next(max_events, wait).await?;
        ack_all(inner, &deliveries).await?;
        Ok(Vec::new())
    }
}
