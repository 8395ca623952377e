//! Settings: tenants, pipelines and API keys.
//!
//! Small tables that every ingest holds in memory: [`ControlStore::version`] is cheap to poll, [`ControlStore::snapshot`]
//! brings everything.

use std::time::Duration;

use async_trait::async_trait;
use sendry_domain::{
    api_key::KeyHash,
    beat::Beat,
    id::{KeyId, PipelineName, TenantId},
    limit::Rate,
    time::UnixMillis,
    window::Window,
};
use uuid::Uuid;

use super::{error::StoreError, operator::Stamp};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRecord {
    /// Its name.
    pub id: TenantId,
    /// Ingest answers 503 `suspended`.
    pub suspended: bool,
    /// Events per second; `None` = unlimited.
    pub rate: Option<Rate>,
    /// Accepted event times.
    pub window: Window,
    /// How long raw events are kept, in milliseconds.
    pub raw_retention: i64,
    /// Bytes of one request's body, inflated; `None` = what ingest takes at most.
    pub max_payload: Option<u32>,
    /// Since when nobody's resource stands for it any more: it is suspended, and everything it has is kept.
    /// [`ControlStore::put_tenant`] leaves it as it is.
    pub retained_at: Option<UnixMillis>,
    /// What an operator wrote last; `None` = none ever did. [`ControlStore::put_tenant`] leaves it as it is.
    pub stamp: Option<Stamp>,
}

impl TenantRecord {
    /// Whether it may be erased: it takes no events, and nobody's resource stands for it.
    ///
    /// # Errors
    /// Why not.
    pub fn may_be_erased(&self) -> Result<(), NotErasable> {
        if self.stamp.is_some() && self.retained_at.is_none() {
            return Err(NotErasable::Managed);
        }
        if self.suspended {
            Ok(())
        } else {
            Err(NotErasable::Active)
        }
    }
}

/// Why a tenant may not be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotErasable {
    /// An operator keeps it.
    #[error("an operator keeps it: its resource is still there")]
    Managed,
    /// Ingest takes its events.
    #[error("it takes events")]
    Active,
}

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineRecord {
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub name: PipelineName,
    /// Services it takes; empty = all.
    pub services: Vec<String>,
    /// Environments it takes; empty = all.
    pub environments: Vec<String>,
    /// When it was made: of equal patterns the older keeps the events.
    pub created_at: UnixMillis,
    /// Takes no new events; its queue is drained.
    pub retired: bool,
}

/// An API key, without the key.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The public part.
    pub id: KeyId,
    /// Whose.
    pub tenant: TenantId,
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// What a person calls it.
    pub name: String,
    /// Services it may write for; empty = all.
    pub services: Vec<String>,
    /// Networks it may be used from, in CIDR notation; empty = all.
    pub networks: Vec<String>,
    /// May write history (`Sendry-Scope: backfill`): an operator's credential, not an app's.
    pub backfill: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Not valid from then on.
    pub not_after: Option<UnixMillis>,
    /// Revoked then; never undone.
    pub revoked_at: Option<UnixMillis>,
    /// An operator's; `None` = a person made it, and the operator never touches it.
    pub managed: Option<ManagedKey>,
}

/// What an operator knows of a key that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedKey {
    /// `spec.apiKeys[].name` of the entry that it is of.
    pub entry: String,
    /// Its Secret has shown it as `api-key`, so somebody may use it; never undone.
    pub published: bool,
}

/// Everything ingest decides by.
#[derive(Clone, Debug, Default)]
pub struct ControlSnapshot {
    /// The version it shows.
    pub version: u64,
    /// Tenants.
    pub tenants: Vec<TenantRecord>,
    /// Pipelines.
    pub pipelines: Vec<PipelineRecord>,
    /// Keys, revoked and expired ones too: they are answered 403, not 401.
    pub keys: Vec<KeyRecord>,
}

/// The store of settings.
#[async_trait]
pub trait ControlStore: Send + Sync {
    /// A number that grows with every change.
    async fn version(&self) -> Result<u64, StoreError>;

    /// Waits until a change may have been made, at most for `patience`. Only ever saves time: it may return at once, or
    /// miss a change, so the caller asks for the version in either case.
    async fn changed(&self, patience: Duration);

    /// Everything, in one snapshot.
    async fn snapshot(&self) -> Result<ControlSnapshot, StoreError>;

    /// Makes or changes a tenant, but for `retained_at` and `stamp`, which are an operator's. A tenant that is retained
    /// stays suspended.
    async fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), StoreError>;

    /// Makes or changes a pipeline (its `created_at` stays).
    async fn put_pipeline(&self, pipeline: &PipelineRecord) -> Result<(), StoreError>;

    /// Makes a key. A key of that id must not exist.
    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError>;

    /// Revokes a key; a second time changes nothing. Says whether the tenant has such a key.
    async fn revoke_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Writes what a process says of itself, in the place of what it said before; a beat that is not newer by its
    /// sequence changes nothing. Beats do not change the version.
    async fn beat(&self, beat: &Beat) -> Result<(), StoreError>;

    /// What all processes said last, also those that are gone: see [`sendry_domain::beat::Liveness`].
    async fn beats(&self) -> Result<Vec<Beat>, StoreError>;

    /// Removes what a process said: it leaves in an orderly way.
    async fn leave(&self, instance: Uuid) -> Result<(), StoreError>;

    /// Whether the store answers, for readiness.
    async fn check(&self) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_erased_is_suspended_and_nobodys() {
        let stamp = Some(Stamp {
            epoch: 1,
            uid: Uuid::from_u128(1),
            generation: 1,
        });
        let may = |suspended, retained_at, stamp| {
            let record = TenantRecord {
                id: TenantId::new("may").unwrap(),
                suspended,
                rate: None,
                window: Window::default(),
                raw_retention: 1,
                max_payload: None,
                retained_at,
                stamp,
            };
            record.may_be_erased()
        };
        let then = Some(UnixMillis(1));
        assert_eq!(may(true, None, None), Ok(()));
        assert_eq!(may(true, then, stamp), Ok(()));
        assert_eq!(may(false, None, None), Err(NotErasable::Active));
        assert_eq!(may(true, None, stamp), Err(NotErasable::Managed));
        assert_eq!(may(false, None, stamp), Err(NotErasable::Managed));
    }
}
