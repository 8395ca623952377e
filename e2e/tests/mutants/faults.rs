//! Crashes at chosen points, at the real queue and stores.
//!
//! Whoever comes to the point never gets an answer; then the test drops the whole process.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sendry_domain::{counting::Arrival, id::TenantId, time::UnixMillis};
use sendry_queue::{Consumer, DeliveryTag, EventQueue, QueueError};
use sendry_store::{Counted, MetricStore, RawEvent, RawEventStore, RawQuery, StoreError};
use tokio::sync::Notify;

use crate::ports::{Consuming, Counting, Counts, Queue};

/// Where a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Messages are in its hands, nothing is counted.
    Delivered,
    /// The counting transaction is committed.
    Counted,
    /// Raw events are stored.
    RawKept,
    /// It is about to ack.
    Acking,
}

impl Point {
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Counted, Self::RawKept, Self::Acking];
}

/// The next crash.
#[derive(Default)]
pub struct Crash {
    at: Mutex<Option<Point>>,
    reached: Notify,
}

impl Crash {
    pub fn arm(&self, point: Point) {
        *self.at.lock().unwrap() = Some(point);
    }

    /// Waits until the point is reached.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    async fn pass(&self, point: Point) {
        let here = self.at.lock().unwrap().take_if(|at| *at == point).is_some();
        if here {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }

    pub fn queue(self: &Arc<Self>, inner: Arc<dyn EventQueue>) -> Arc<dyn EventQueue> {
        let crash = self.clone();
        Queue::before(inner, move |_| Box::new(Acks(crash.clone())))
    }

    pub fn counts(self: &Arc<Self>, inner: Arc<dyn MetricStore>) -> Arc<dyn MetricStore> {
        Counts::before(inner, Arc::new(Transactions(self.clone())))
    }

    pub fn raw(self: &Arc<Self>, inner: Arc<dyn RawEventStore>) -> Arc<dyn RawEventStore> {
        let crash = self.clone();
        Arc::new(Raw { inner, crash })
    }
}

struct Acks(Arc<Crash>);

#[async_trait]
impl Consuming for Acks {
    async fn ack(
        &mut self,
        inner: &mut dyn Consumer,
        tags: &[DeliveryTag],
    ) -> Result<(), QueueError> {
        self.0.pass(Point::Acking).await;
        inner.ack(tags).await
    }
}

struct Transactions(Arc<Crash>);

#[async_trait]
impl Counting for Transactions {
    async fn count(
        &self,
        inner: &dyn MetricStore,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        self.0.pass(Point::Delivered).await;
        let counted = inner.count(arrivals, at).await;
        self.0.pass(Point::Counted).await;
        counted
    }
}

struct Raw {
    inner: Arc<dyn RawEventStore>,
    crash: Arc<Crash>,
}

#[async_trait]
impl RawEventStore for Raw {
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        let refused = self.inner.insert(events).await;
        self.crash.pass(Point::RawKept).await;
        refused
    }

    async fn list(&self, tenant: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, StoreError> {
        self.inner.list(tenant, query).await
    }

    async fn count(
        &self,
        tenant: &TenantId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StoreError> {
        self.inner.count(tenant, from, to).await
    }

    async fn purge(&self, tenant: &TenantId, before: UnixMillis) -> Result<u64, StoreError> {
        self.inner.purge(tenant, before).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}
