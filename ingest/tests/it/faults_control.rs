//! A control store that fails when told to, and counts how often it is asked.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use sendry_domain::{
    beat::Beat,
    id::{KeyId, TenantId},
    time::UnixMillis,
};
use sendry_store::{
    ControlSnapshot, ControlStore, KeyRecord, PipelineRecord, StoreError, TenantRecord,
};
use uuid::Uuid;

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
    /// How often the version was asked for.
    pub asked: AtomicUsize,
    /// How often the beats of all processes were asked for.
    pub counted: AtomicUsize,
    /// Whether it tells of changes; a store need not.
    tells: AtomicBool,
}

impl FaultyControl {
    pub fn before(inner: Arc<dyn ControlStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            mood: Mutex::new(Mood::Well),
            asked: AtomicUsize::default(),
            counted: AtomicUsize::default(),
            tells: AtomicBool::default(),
        })
    }

    pub fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Tells of changes from the next wait on.
    pub fn tell(&self) {
        self.tells.store(true, SeqCst);
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

    async fn changed(&self, patience: Duration) {
        if self.tells.load(SeqCst) {
            self.inner.changed(patience).await;
        } else {
            tokio::time::sleep(patience).await;
        }
    }

    async fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.answers().await?;
        self.inner.beat(beat).await
    }

    async fn beats(&self) -> Result<Vec<Beat>, StoreError> {
        self.counted.fetch_add(1, SeqCst);
        self.answers().await?;
        self.inner.beats().await
    }

    async fn leave(&self, instance: Uuid) -> Result<(), StoreError> {
        self.inner.leave(instance).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}
