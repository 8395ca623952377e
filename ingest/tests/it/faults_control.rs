//! A control store that fails when told to, and counts how often it is asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use async_trait::async_trait;
use sendry_domain::{
    id::{KeyId, TenantId},
    time::UnixMillis,
};
use sendry_store::{
    ControlSnapshot, ControlStore, KeyRecord, PipelineRecord, StoreError, TenantRecord,
};

/// What the control store does when asked.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Well,
    Away,
    Hanging,
}

pub struct FaultyControl {
    inner: Arc<dyn ControlStore>,
    mood: Mutex<Mood>,
    /// How often anything was asked for.
    pub asked: AtomicUsize,
}

impl FaultyControl {
    pub fn before(inner: Arc<dyn ControlStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            mood: Mutex::new(Mood::Well),
            asked: AtomicUsize::default(),
        })
    }

    pub fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    async fn answers(&self) -> Result<(), StoreError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => Ok(()),
            Mood::Hanging => std::future::pending().await,
            Mood::Away => Err(StoreError::Unavailable {
                store: "control",
                doing: "read",
                unknown: false,
                source: "told to".into(),
            }),
        }
    }
}

#[async_trait]
impl ControlStore for FaultyControl {
    async fn version(&self) -> Result<u64, StoreError> {
        self.asked.fetch_add(1, SeqCst);
        self.answers().await?;
        self.inner.version().await
    }

    async fn snapshot(&self) -> Result<ControlSnapshot, StoreError> {
        self.answers().await?;
        self.inner.snapshot().await
    }

    async fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), StoreError> {
        self.inner.put_tenant(tenant).await
    }

    async fn put_pipeline(&self, pipeline: &PipelineRecord) -> Result<(), StoreError> {
        self.inner.put_pipeline(pipeline).await
    }

    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        self.inner.add_key(key).await
    }

    async fn revoke_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.inner.revoke_key(tenant, id, at).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}
