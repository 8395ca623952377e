//! Counts: ledger, buckets, tallies and dead letters, which change together or not at all.
//!
//! Dead letters stand in this port and not beside keys and people, because every change of their state is part of the
//! account that must close: it happens in the counting transaction or in one like it.

use async_trait::async_trait;
use sendry_domain::{
    counting::{Arrival, Won},
    dead_letter::{DeadLetter, DeadLetterId, State},
    event::Event,
    id::TenantId,
    ledger::{OldestHead, Tally},
    query::{FoldSpec, Group},
    time::UnixMillis,
    window::Window,
};

use super::error::StoreError;

/// A page of dead letters to list.
#[derive(Clone, Debug)]
pub struct DeadLetterQuery {
    /// Only of this state; `None` = all.
    pub state: Option<State>,
    /// Continue after this one (newest first: by recorded time, then id, descending).
    pub after: Option<(UnixMillis, DeadLetterId)>,
    /// At most so many (the caller holds it to 1..=500).
    pub limit: u32,
}

/// A page of dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetterPage {
    /// Newest first.
    pub letters: Vec<DeadLetter>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<(UnixMillis, DeadLetterId)>,
}

/// The account of a tenant, read in one snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerView {
    /// All shards added up.
    pub tally: Tally,
    /// Event times before this are too late; `None` before the first purge.
    pub floor: Option<UnixMillis>,
}

/// A dead letter counted after all.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The letter in its new state.
    pub letter: DeadLetter,
    /// The endpoint it was counted under (see [`sendry_domain::endpoint_guard`]).
    pub endpoint: std::sync::Arc<str>,
}

/// Why a dead letter was not replayed or discarded.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// This tenant has no such letter.
    #[error("no such dead letter")]
    NotFound,
    /// It was replayed or discarded before, or is a conflict.
    #[error("the dead letter is {}", .0.as_str())]
    NotOpen(State),
    /// Counting it could never be right.
    #[error("a dead letter of reason `{0}` cannot be replayed, only discarded")]
    NotReplayable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store of counts.
#[async_trait]
pub trait MetricStore: Send + Sync {
    /// Counts messages in **one** transaction: ledger, buckets, tallies, dead letters ([`sendry_domain::counting`]).
    ///
    /// Returns, by arrival, the positions whose raw events must now be stored, and for each the endpoint it was counted
    /// under where that differs from the event's own (past the cardinality limit).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing or, at COMMIT, perhaps everything took effect; the same call repeated is
    /// right in both cases. [`StoreError::Refused`]: some event's data; see [`Self::rehearse`].
    async fn count(&self, arrivals: &[Arrival], at: UnixMillis)
    -> Result<Vec<Counted>, StoreError>;

    /// Does what [`Self::count`] would do and rolls it back: finds the event whose data the store refuses.
    async fn rehearse(&self, arrivals: &[Arrival], at: UnixMillis) -> Result<(), StoreError>;

    /// Records dead letters that stand for whole messages nobody can read; each id counts once, and claims its message:
    /// one that was counted before is left alone, one delivered again after is counted no more. Their events are tallied
    /// as received and dead.
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError>;

    /// Tallies events whose document the raw store refused; each (message, position) once.
    async fn raw_refused(
        &self,
        tenant: &TenantId,
        refused: &[DeadLetterId],
    ) -> Result<(), StoreError>;

    /// Adds up buckets. Exact whether or not days and months are derived yet: a day that counting has touched since is
    /// read from its hours. Reads one snapshot; takes milliseconds whatever the number of events.
    async fn fold(&self, tenant: &TenantId, spec: FoldSpec) -> Result<Vec<Group>, StoreError>;

    /// The account of a tenant.
    async fn ledger(&self, tenant: &TenantId) -> Result<LedgerView, StoreError>;

    /// Lists dead letters.
    async fn dead_letters(
        &self,
        tenant: &TenantId,
        query: &DeadLetterQuery,
    ) -> Result<DeadLetterPage, StoreError>;

    /// One dead letter.
    async fn dead_letter(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError>;

    /// Counts an open dead letter in the transaction that closes it, so that twice counts once. Ignores floor and
    /// window. `event` is the letter's event, corrected by a person or not; `body` its bytes as they are to be kept.
    /// Its raw event is owed until [`Self::raw_settled`].
    async fn replay(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        event: &Event,
        body: &str,
        at: UnixMillis,
    ) -> Result<Replayed, ReplayError>;

    /// Replayed letters whose raw event is still owed, oldest first, at most `limit`, with the endpoint each was
    /// counted under.
    async fn raw_owed(&self, limit: u32) -> Result<Vec<Replayed>, StoreError>;

    /// The raw event of a replayed letter is stored.
    async fn raw_settled(&self, tenant: &TenantId, id: DeadLetterId) -> Result<(), StoreError>;

    /// Gives up an open dead letter, for a reason.
    async fn discard(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        reason: &str,
        at: UnixMillis,
    ) -> Result<DeadLetter, ReplayError>;

    /// Recomputes the days and months that counting touched since the last call, from their hours. Idempotent.
    /// Returns how many day and month buckets were written.
    async fn derive_levels(&self) -> Result<u64, StoreError>;

    /// Drops what is past its retention at `at`: minutes, then hours to months; and moves the tenant's floor
    /// ([`sendry_domain::ledger::next_floor`]) and drops ledger rows below it. Returns rows dropped.
    async fn purge(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        window: Window,
        head: OldestHead,
    ) -> Result<u64, StoreError>;

    /// Whether the store answers, for readiness.
    async fn check(&self) -> Result<(), StoreError>;
}

/// What [`MetricStore::count`] says of one arrival.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Positions won, now or at an earlier delivery.
    pub won: Won,
    /// Positions counted under another endpoint than their own: (position, endpoint).
    pub folded: Vec<(u32, std::sync::Arc<str>)>,
}
