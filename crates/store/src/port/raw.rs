//! Raw events: what was sent, kept 30 days.
//!
//! **Guarantee.** A document's `_id` is its event's place, (messageId, position), so storing it again changes nothing.
//! Counts never come from here.

use async_trait::async_trait;
use sendry_domain::{dead_letter::DeadLetterId, id::TenantId, time::UnixMillis};

use super::error::StoreError;

/// A counted event with the client's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEvent {
    /// Its place: message and position.
    pub id: DeadLetterId,
    /// Whose.
    pub tenant: TenantId,
    /// When its request started.
    pub timestamp: UnixMillis,
    /// Service, for search.
    pub service: String,
    /// The endpoint it was **counted** under, resolved once.
    pub endpoint: String,
    /// Method.
    pub method: String,
    /// Status.
    pub status: u16,
    /// Latency in microseconds.
    pub latency_us: u64,
    /// The request to ingest that brought it.
    pub request_id: String,
    /// The client's JSON (stamped or redacted where ingest had to).
    pub body: String,
}

/// Which raw events to list, newest first.
#[derive(Clone, Debug)]
pub struct RawQuery {
    /// Event times from here, inclusive.
    pub from: UnixMillis,
    /// To here, exclusive.
    pub to: UnixMillis,
    /// At most so many.
    pub limit: u32,
}

/// The store of raw events.
#[async_trait]
pub trait RawEventStore: Send + Sync {
    /// Stores events; one that is there already is left as it is. Returns the indexes of those the store refuses for
    /// their content (not for being there, not for being away): these will never be storable.
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError>;

    /// Lists events.
    async fn list(&self, tenant: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, StoreError>;

    /// How many events have their time in `from..to`.
    async fn count(
        &self,
        tenant: &TenantId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StoreError>;

    /// Drops events whose time is before `before`; stores with a TTL of their own do nothing. Returns how many.
    async fn purge(&self, tenant: &TenantId, before: UnixMillis) -> Result<u64, StoreError>;

    /// Whether the store answers, for readiness.
    async fn check(&self) -> Result<(), StoreError>;
}
