//! Erasing a tenant: the only way that what is kept is given up before its time.
//!
//! Ports of their own, which no service holds: `sendry tenants purge` alone does. Settings are erased last, so that an
//! erasure that was stopped in the middle finds its tenant again; counts are fenced first ([`MetricEraser::erase`]), so
//! that what a late worker still holds is not counted into what is gone.
//!
//! **Guarantee.** Nothing of another tenant is touched. Every step is a short transaction of its own, and all of it may be
//! repeated from the beginning, whatever was stopped where.

use async_trait::async_trait;
use sendry_domain::{id::TenantId, time::UnixMillis};

use super::{control::ControlStore, error::StoreError, metrics::MetricStore, raw::RawEventStore};

/// What is stored of a tenant: rows by what they are, each kind once, also where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// (what, rows).
    pub rows: Vec<(&'static str, u64)>,
}

impl Footprint {
    /// All rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|(_, rows)| rows).sum()
    }
}

/// What one step of an erasure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Erased {
    /// Rows that it dropped.
    pub rows: u64,
    /// Nothing was left. Otherwise the step is to be done again.
    pub done: bool,
}

/// Erases counts: buckets, series, ledger, dead letters, tallies, floor.
#[async_trait]
pub trait MetricEraser: MetricStore {
    /// What is stored. Reads every index entry of the tenant: seconds for millions of rows.
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError>;

    /// Drops at most `at_most` rows. `at` is the moment of the erasure, the same in all its steps.
    ///
    /// The first step puts up a fence, having waited for the counts under way: what was accepted before `at` is counted
    /// no more, buried no more, and wins nothing, for ever ([`sendry_domain::counting::Known::erased`]); it leaves no
    /// trace, not even a tally. What is accepted later is a new tenant's of that name.
    async fn erase(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        at_most: u32,
    ) -> Result<Erased, StoreError>;
}

/// Erases raw events.
#[async_trait]
pub trait RawEventEraser: RawEventStore {
    /// What is stored.
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError>;

    /// Drops at most `at_most` events. There is no fence here: a worker whose count was done before the fence of the
    /// counts may still store its events, so raw events are to be looked for again at the end.
    async fn erase(&self, tenant: &TenantId, at_most: u32) -> Result<Erased, StoreError>;
}

/// Erases settings: keys, pipelines, and the tenant itself.
#[async_trait]
pub trait ControlEraser: ControlStore {
    /// What is stored.
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError>;

    /// Erases all of it in one transaction and returns how many rows that were; `None` where the tenant may not be
    /// erased ([`TenantRecord::may_be_erased`]), as it stands in that very transaction: somebody took it up again.
    ///
    /// [`TenantRecord::may_be_erased`]: super::control::TenantRecord::may_be_erased
    async fn erase(&self, tenant: &TenantId) -> Result<Option<u64>, StoreError>;
}
