//! A store whose writes may be spoiled.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sendry_domain::{
    beat::Beat,
    id::{KeyId, PipelineName, TenantId},
    time::UnixMillis,
};
use sendry_store::{
    ControlSnapshot, ControlStore, KeyRecord, KeyWritten, ManagedPipeline, OperatorStore,
    PipelineRecord, Stamp, StoreError, TenantRecord, Written,
};
use uuid::Uuid;

use super::{Saboteur, unavailable};

pub struct Spoiling {
    pub saboteur: Saboteur,
    pub inner: Arc<dyn OperatorStore>,
}

impl Spoiling {
    async fn write<T>(
        &self,
        what: String,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.saboteur.write(what, write, unavailable).await
    }

    async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.saboteur.read(read, unavailable).await
    }
}

#[async_trait]
impl ControlStore for Spoiling {
    async fn version(&self) -> Result<u64, StoreError> {
        self.read(self.inner.version()).await
    }

    async fn changed(&self, patience: Duration) {
        self.inner.changed(patience).await;
    }

    async fn snapshot(&self) -> Result<ControlSnapshot, StoreError> {
        self.read(self.inner.snapshot()).await
    }

    async fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), StoreError> {
        let what = format!("put tenant {}", tenant.id);
        self.write(what, self.inner.put_tenant(tenant)).await
    }

    async fn put_pipeline(&self, pipeline: &PipelineRecord) -> Result<(), StoreError> {
        let what = format!("put pipeline {}", pipeline.name);
        self.write(what, self.inner.put_pipeline(pipeline)).await
    }

    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let what = format!("add key {}", key.id);
        self.write(what, self.inner.add_key(key)).await
    }

    async fn revoke_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        let what = format!("revoke key {id}");
        self.write(what, self.inner.revoke_key(tenant, id, at))
            .await
    }

    async fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.read(self.inner.beat(beat)).await
    }

    async fn beats(&self) -> Result<Vec<Beat>, StoreError> {
        self.read(self.inner.beats()).await
    }

    async fn leave(&self, instance: Uuid) -> Result<(), StoreError> {
        self.read(self.inner.leave(instance)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.read(self.inner.check()).await
    }
}

#[async_trait]
impl OperatorStore for Spoiling {
    async fn claim_epoch(&self) -> Result<u64, StoreError> {
        self.write("claim epoch".to_owned(), self.inner.claim_epoch())
            .await
    }

    async fn tenant(
        &self,
        tenant: &TenantId,
    ) -> Result<(Option<TenantRecord>, Vec<KeyRecord>), StoreError> {
        self.read(self.inner.tenant(tenant)).await
    }

    async fn apply_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantRecord,
    ) -> Result<Written, StoreError> {
        let what = format!("apply tenant {}", tenant.id);
        self.write(what, self.inner.apply_tenant(stamp, tenant))
            .await
    }

    async fn retain_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        at: UnixMillis,
    ) -> Result<Written, StoreError> {
        let what = format!("retain tenant {tenant}");
        self.write(what, self.inner.retain_tenant(stamp, tenant, at))
            .await
    }

    async fn apply_key(&self, stamp: &Stamp, key: &KeyRecord) -> Result<KeyWritten, StoreError> {
        let seen = key
            .managed
            .as_ref()
            .is_some_and(|managed| managed.published);
        let what = format!("apply key {} (published: {seen})", key.id);
        self.write(what, self.inner.apply_key(stamp, key)).await
    }

    async fn reap_key(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        id: &KeyId,
    ) -> Result<Written, StoreError> {
        let what = format!("reap key {id}");
        self.write(what, self.inner.reap_key(stamp, tenant, id))
            .await
    }

    async fn pipelines(&self, tenant: &TenantId) -> Result<Vec<ManagedPipeline>, StoreError> {
        self.read(self.inner.pipelines(tenant)).await
    }

    async fn apply_pipeline(
        &self,
        stamp: &Stamp,
        pipeline: &ManagedPipeline,
    ) -> Result<Written, StoreError> {
        let ManagedPipeline { record, stage, .. } = pipeline;
        let (name, retired) = (&record.name, record.retired);
        let what = format!("apply pipeline {name} (retired: {retired}, {stage:?})");
        self.write(what, self.inner.apply_pipeline(stamp, pipeline))
            .await
    }

    async fn remove_pipeline(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        name: &PipelineName,
    ) -> Result<Written, StoreError> {
        let what = format!("remove pipeline {name}");
        self.write(what, self.inner.remove_pipeline(stamp, tenant, name))
            .await
    }
}
