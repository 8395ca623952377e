//! What an operator writes into the settings on behalf of Kubernetes.
//!
//! **Guarantee.** Only the leader of the newest epoch changes anything, and of one resource no older generation is written
//! over a newer one: the store decides both in the transaction of the write itself, so a leader that was frozen and wakes
//! up changes nothing. Every write may be repeated, and one that finds everything as it is to be writes nothing, raises no
//! version and wakes nobody.
//!
//! What people write ([`ControlStore`]) goes on beside it and carries no stamp. The operator never touches their keys.

use std::fmt;

use async_trait::async_trait;
use sendry_domain::{
    id::{KeyId, PipelineName, TenantId},
    time::UnixMillis,
};
use uuid::Uuid;

use super::{
    control::{ControlStore, KeyRecord, PipelineRecord, TenantRecord},
    error::StoreError,
};

/// Who writes on behalf of Kubernetes, and how new what it knows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What [`OperatorStore::claim_epoch`] gave this leader.
    pub epoch: u64,
    /// `metadata.uid` of the resource.
    pub uid: Uuid,
    /// `metadata.generation` of what it was read from.
    pub generation: i64,
}

/// What knows better than a write that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseder {
    /// Another leader: the store is at this epoch. To go on, win the election again and claim one.
    Leader {
        /// The store's epoch.
        epoch: u64,
    },
    /// The same resource, as it was changed later. To go on, read it again.
    Generation {
        /// The generation that was written.
        generation: i64,
    },
}

impl fmt::Display for Superseder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader { epoch } => write!(f, "another leader (epoch {epoch})"),
            Self::Generation { generation } => {
                write!(
                    f,
                    "a later change of the resource (generation {generation})"
                )
            }
        }
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// The store says what was asked for, whether or not it had to be changed.
    Done,
    /// Nothing was changed: somebody knows better.
    Superseded {
        /// Who.
        by: Superseder,
    },
}

/// What became of a write of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum KeyWritten {
    /// The store says what was asked for, whether or not it had to be changed.
    Done,
    /// Nothing was changed: somebody knows better.
    Superseded {
        /// Who.
        by: Superseder,
    },
    /// Nothing was changed: a key of that id is there, and is another tenant's, another entry's, a person's, or has
    /// another secret.
    Claimed {
        /// Whose it is.
        tenant: TenantId,
        /// Its entry; `None` = a person made it.
        entry: Option<String>,
    },
}

/// How a pipeline's queue stands on the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueStage {
    /// Bound: what ingest sends to it comes in.
    #[default]
    Open,
    /// Nothing comes into it any more. It is drained, or was not drained in time.
    Closed,
    /// It was seen to be empty, and is being removed with all that belongs to it.
    Leaving,
}

/// A pipeline, as an operator knows it: what ingest obeys, and what its queue needs, which outlives its resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPipeline {
    /// What ingest obeys.
    pub record: PipelineRecord,
    /// How its queue stands.
    pub stage: QueueStage,
    /// Most bytes that may wait in its queue; `None` = what its tenant says.
    pub max_bytes: Option<u64>,
    /// Deliveries without an ack before a message is parked; `None` = the default.
    pub delivery_limit: Option<u32>,
    /// What an operator wrote last; `None` = a person made it, and nothing of it is the operator's.
    pub stamp: Option<Stamp>,
}

impl ManagedPipeline {
    /// One that no operator ever wrote.
    #[must_use]
    pub fn of_people(record: PipelineRecord) -> Self {
        Self {
            record,
            stage: QueueStage::default(),
            max_bytes: None,
            delivery_limit: None,
            stamp: None,
        }
    }
}

/// The settings, as an operator writes them.
#[async_trait]
pub trait OperatorStore: ControlStore {
    /// Raises the epoch and returns it: to be called on gaining leadership. Writes that carry another epoch are refused
    /// from then on: an older one is a former leader's, and a newer one is of before the store was restored from a backup.
    /// Repeated after a failure it is raised again, which is right. The version does not move.
    async fn claim_epoch(&self) -> Result<u64, StoreError>;

    /// One tenant and all its keys, revoked and expired ones too, in one snapshot; each as [`ControlStore::snapshot`] shows
    /// it. For who looks at one tenant after the other: a snapshot a tenant would be the square of their number.
    async fn tenant(
        &self,
        tenant: &TenantId,
    ) -> Result<(Option<TenantRecord>, Vec<KeyRecord>), StoreError>;

    /// Makes or changes a tenant. It is retained no more; `retained_at` and `stamp` of the record are not read.
    ///
    /// Superseded where the epoch is not the store's, or where a newer generation of the same uid was written. Another uid
    /// takes the tenant over, whatever its generation: the resource was made again.
    async fn apply_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantRecord,
    ) -> Result<Written, StoreError>;

    /// Its resource was deleted. Everything is kept, and ingest answers 503 `suspended`: the tenant becomes suspended, and
    /// `retained_at` is `at` where it was not retained before. Of a tenant that is not there nothing is written, and that
    /// is [`Written::Done`], too.
    async fn retain_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        at: UnixMillis,
    ) -> Result<Written, StoreError>;

    /// Makes a key, or changes name, services, `not_after` and what is said of it in `managed`. `revoked_at` and
    /// `published` only ever go one way: once set they stay, whatever is asked for. Networks, `backfill` and `created_at`
    /// stay as they were made. Hash, tenant and entry never change; asked for others, the answer is
    /// [`KeyWritten::Claimed`].
    ///
    /// The stamp is the tenant's: superseded as in [`Self::apply_tenant`], and it is not written by this.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where `managed` is `None`, and where the tenant is not there: apply it first. A key without
    /// a tenant would outlive the tenant's erasure.
    async fn apply_key(&self, stamp: &Stamp, key: &KeyRecord) -> Result<KeyWritten, StoreError>;

    /// Removes the tenant's key of that id if it is managed and was never published. Any other stays: one that was
    /// published leaves by `not_after` or `revoked_at`, and one that a person made is not the operator's. That, and where
    /// there is none, is [`Written::Done`] without effect. Superseded as in [`Self::apply_tenant`].
    async fn reap_key(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        id: &KeyId,
    ) -> Result<Written, StoreError>;

    /// The tenant's pipelines, in the order of their names, retired ones too, in one snapshot; of those that no operator
    /// wrote, stage and limits are the defaults.
    async fn pipelines(&self, tenant: &TenantId) -> Result<Vec<ManagedPipeline>, StoreError>;

    /// Makes or changes a pipeline, `created_at` too; `stamp` of the record is not read. One that people made is the
    /// operator's from then on.
    ///
    /// The stamp is the pipeline's: superseded as in [`Self::apply_tenant`], by what was written of this pipeline.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the tenant is not there: a pipeline without one would outlive the tenant's erasure.
    async fn apply_pipeline(
        &self,
        stamp: &Stamp,
        pipeline: &ManagedPipeline,
    ) -> Result<Written, StoreError>;

    /// Removes the pipeline of that name if it is this very resource's. Any other stays; that, and where there is none, is
    /// [`Written::Done`] without effect. Superseded as in [`Self::apply_pipeline`].
    async fn remove_pipeline(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        name: &PipelineName,
    ) -> Result<Written, StoreError>;
}
