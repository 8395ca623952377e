//! Parts that are away.

use std::time::Duration;

use async_trait::async_trait;
use sendry_domain::{
    beat::Beat,
    id::{KeyId, TenantId},
    routing::QueueName,
    time::UnixMillis,
};
use sendry_queue::{Consumer, Depth, EventQueue, PublishError, QueueError, Sealed};
use sendry_store::{
    ControlSnapshot, ControlStore, KeyRecord, PipelineRecord, RawEvent, RawEventStore, RawQuery,
    StoreError, TenantRecord,
};
use uuid::Uuid;

fn away<T>(store: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Unavailable {
        store,
        doing: "ask",
        unknown: false,
        source: "connection refused".into(),
    })
}

pub struct NoControl;

#[async_trait]
impl ControlStore for NoControl {
    async fn version(&self) -> Result<u64, StoreError> {
        away("control")
    }
    async fn snapshot(&self) -> Result<ControlSnapshot, StoreError> {
        away("control")
    }
    async fn put_tenant(&self, _: &TenantRecord) -> Result<(), StoreError> {
        away("control")
    }
    async fn put_pipeline(&self, _: &PipelineRecord) -> Result<(), StoreError> {
        away("control")
    }
    async fn add_key(&self, _: &KeyRecord) -> Result<(), StoreError> {
        away("control")
    }
    async fn revoke_key(&self, _: &TenantId, _: &KeyId, _: UnixMillis) -> Result<bool, StoreError> {
        away("control")
    }
    async fn changed(&self, patience: Duration) {
        tokio::time::sleep(patience).await;
    }
    async fn beat(&self, _: &Beat) -> Result<(), StoreError> {
        away("control")
    }
    async fn beats(&self) -> Result<Vec<Beat>, StoreError> {
        away("control")
    }
    async fn leave(&self, _: Uuid) -> Result<(), StoreError> {
        away("control")
    }
    async fn check(&self) -> Result<(), StoreError> {
        away("control")
    }
}

pub struct NoRaw;

#[async_trait]
impl RawEventStore for NoRaw {
    async fn insert(&self, _: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        away("raw")
    }
    async fn list(&self, _: &TenantId, _: &RawQuery) -> Result<Vec<RawEvent>, StoreError> {
        away("raw")
    }
    async fn count(&self, _: &TenantId, _: UnixMillis, _: UnixMillis) -> Result<u64, StoreError> {
        away("raw")
    }
    async fn purge(&self, _: &TenantId, _: UnixMillis) -> Result<u64, StoreError> {
        away("raw")
    }
    async fn check(&self) -> Result<(), StoreError> {
        away("raw")
    }
}

pub struct NoQueue;

fn silent<T>(queue: &str) -> Result<T, QueueError> {
    Err(QueueError {
        doing: "ask",
        queue: queue.to_owned(),
        source: "connection refused".into(),
    })
}

#[async_trait]
impl EventQueue for NoQueue {
    async fn publish(&self, _: Sealed) -> Result<(), PublishError> {
        Err(PublishError::Unavailable("away".to_owned()))
    }
    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        silent(&queue.to_string())
    }
    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        silent(&queue.to_string())
    }
    async fn check(&self) -> Result<(), QueueError> {
        silent("all")
    }
}
