//! Ports in front of ports: everything passes through but what a fault or a mutant does otherwise.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sendry_domain::{
    counting::Arrival,
    dead_letter::{DeadLetter, DeadLetterId},
    event::Event,
    id::TenantId,
    ledger::OldestHead,
    query::{FoldSpec, Group},
    routing::QueueName,
    time::UnixMillis,
    window::Window,
};
use sendry_queue::{
    Consumer, Delivery, DeliveryTag, Depth, EventQueue, PublishError, QueueError, Sealed,
};
use sendry_store::{
    Counted, DeadLetterPage, DeadLetterQuery, LedgerView, MetricStore, ReplayError, Replayed,
    StoreError,
};

/// What a consumer does otherwise.
#[async_trait]
pub trait Consuming: Send {
    async fn next(
        &mut self,
        inner: &mut dyn Consumer,
        max_events: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        inner.next(max_events, wait).await
    }

    async fn ack(
        &mut self,
        inner: &mut dyn Consumer,
        tags: &[DeliveryTag],
    ) -> Result<(), QueueError> {
        inner.ack(tags).await
    }
}

/// A consumer that does nothing otherwise.
pub struct AsItIs;

impl Consuming for AsItIs {}

type Make = Box<dyn Fn(&QueueName) -> Box<dyn Consuming> + Send + Sync>;

/// A queue whose consumers do something otherwise.
pub struct Queue {
    inner: Arc<dyn EventQueue>,
    make: Make,
}

impl Queue {
    pub fn before(
        inner: Arc<dyn EventQueue>,
        make: impl Fn(&QueueName) -> Box<dyn Consuming> + Send + Sync + 'static,
    ) -> Arc<dyn EventQueue> {
        let make: Make = Box::new(make);
        Arc::new(Self { inner, make })
    }
}

#[async_trait]
impl EventQueue for Queue {
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        self.inner.publish(message).await
    }

    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        let inner = self.inner.consume(queue).await?;
        let how = (self.make)(queue);
        Ok(Box::new(Reader { inner, how }))
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.inner.check().await
    }
}

struct Reader {
    inner: Box<dyn Consumer>,
    how: Box<dyn Consuming>,
}

#[async_trait]
impl Consumer for Reader {
    async fn next(&mut self, max_events: u32, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        self.how.next(self.inner.as_mut(), max_events, wait).await
    }

    async fn ack(&mut self, tags: &[DeliveryTag]) -> Result<(), QueueError> {
        self.how.ack(self.inner.as_mut(), tags).await
    }

    async fn stop(&mut self) -> Result<(), QueueError> {
        self.inner.stop().await
    }

    async fn put_back(&mut self, tags: &[DeliveryTag], blame: bool) -> Result<(), QueueError> {
        self.inner.put_back(tags, blame).await
    }
}

/// How a store counts otherwise.
#[async_trait]
pub trait Counting: Send + Sync {
    async fn count(
        &self,
        inner: &dyn MetricStore,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError>;
}

/// A metric store that counts otherwise.
pub struct Counts {
    inner: Arc<dyn MetricStore>,
    how: Arc<dyn Counting>,
}

impl Counts {
    pub fn before(inner: Arc<dyn MetricStore>, how: Arc<dyn Counting>) -> Arc<dyn MetricStore> {
        Arc::new(Self { inner, how })
    }
}

#[async_trait]
impl MetricStore for Counts {
    async fn count(
        &self,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        self.how.count(&*self.inner, arrivals, at).await
    }

    async fn rehearse(&self, arrivals: &[Arrival], at: UnixMillis) -> Result<(), StoreError> {
        self.inner.rehearse(arrivals, at).await
    }

    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.inner.bury(letters).await
    }

    async fn raw_refused(
        &self,
        tenant: &TenantId,
        refused: &[DeadLetterId],
    ) -> Result<(), StoreError> {
        self.inner.raw_refused(tenant, refused).await
    }

    async fn fold(&self, tenant: &TenantId, spec: FoldSpec) -> Result<Vec<Group>, StoreError> {
        self.inner.fold(tenant, spec).await
    }

    async fn ledger(&self, tenant: &TenantId) -> Result<LedgerView, StoreError> {
        self.inner.ledger(tenant).await
    }

    async fn dead_letters(
        &self,
        tenant: &TenantId,
        query: &DeadLetterQuery,
    ) -> Result<DeadLetterPage, StoreError> {
        self.inner.dead_letters(tenant, query).await
    }

    async fn dead_letter(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        self.inner.dead_letter(tenant, id).await
    }

    async fn replay(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        event: &Event,
        body: &str,
        at: UnixMillis,
    ) -> Result<Replayed, ReplayError> {
        self.inner.replay(tenant, id, event, body, at).await
    }

    async fn raw_owed(&self, limit: u32) -> Result<Vec<Replayed>, StoreError> {
        self.inner.raw_owed(limit).await
    }

    async fn raw_settled(&self, tenant: &TenantId, id: DeadLetterId) -> Result<(), StoreError> {
        self.inner.raw_settled(tenant, id).await
    }

    async fn discard(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        reason: &str,
        at: UnixMillis,
    ) -> Result<DeadLetter, ReplayError> {
        self.inner.discard(tenant, id, reason, at).await
    }

    async fn derive_levels(&self) -> Result<u64, StoreError> {
        self.inner.derive_levels().await
    }

    async fn purge(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        window: Window,
        head: OldestHead,
    ) -> Result<u64, StoreError> {
        self.inner.purge(tenant, at, window, head).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}
