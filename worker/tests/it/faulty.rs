//! The ports of a [`Faulty`] store: what can fail goes through its plan, the rest straight on.

use async_trait::async_trait;
use sendry_domain::{
    counting::Arrival,
    dead_letter::{DeadLetter, DeadLetterId},
    event::Event,
    id::TenantId,
    ledger::OldestHead,
    query::{FoldSpec, Group},
    time::UnixMillis,
    window::Window,
};
use sendry_store::{
    Counted, DeadLetterPage, DeadLetterQuery, LedgerView, MetricStore, RawEvent, RawEventStore,
    RawQuery, ReplayError, Replayed, StoreError,
};

use crate::faults::{Call, Faulty, RAW_POISON};

#[async_trait]
impl<S: MetricStore> MetricStore for Faulty<S> {
    async fn count(&self, a: &[Arrival], at: UnixMillis) -> Result<Vec<Counted>, StoreError> {
        self.run(Call::Count(a), self.inner.count(a, at)).await
    }
    async fn rehearse(&self, a: &[Arrival], at: UnixMillis) -> Result<(), StoreError> {
        self.run(Call::Rehearse(a), self.inner.rehearse(a, at))
            .await
    }
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.run(Call::Bury, self.inner.bury(letters)).await
    }
    async fn raw_refused(&self, t: &TenantId, ids: &[DeadLetterId]) -> Result<(), StoreError> {
        self.run(Call::RawRefused, self.inner.raw_refused(t, ids))
            .await
    }
    async fn fold(&self, t: &TenantId, spec: FoldSpec) -> Result<Vec<Group>, StoreError> {
        self.inner.fold(t, spec).await
    }
    async fn ledger(&self, t: &TenantId) -> Result<LedgerView, StoreError> {
        self.inner.ledger(t).await
    }
    async fn dead_letters(
        &self,
        t: &TenantId,
        query: &DeadLetterQuery,
    ) -> Result<DeadLetterPage, StoreError> {
        self.inner.dead_letters(t, query).await
    }
    async fn dead_letter(
        &self,
        t: &TenantId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        self.inner.dead_letter(t, id).await
    }
    async fn replay(
        &self,
        t: &TenantId,
        id: DeadLetterId,
        event: &Event,
        body: &str,
        at: UnixMillis,
    ) -> Result<Replayed, ReplayError> {
        self.inner.replay(t, id, event, body, at).await
    }
    async fn raw_owed(&self, limit: u32) -> Result<Vec<Replayed>, StoreError> {
        self.inner.raw_owed(limit).await
    }
    async fn raw_settled(&self, t: &TenantId, id: DeadLetterId) -> Result<(), StoreError> {
        self.inner.raw_settled(t, id).await
    }
    async fn discard(
        &self,
        t: &TenantId,
        id: DeadLetterId,
        reason: &str,
        at: UnixMillis,
    ) -> Result<DeadLetter, ReplayError> {
        self.inner.discard(t, id, reason, at).await
    }
    async fn derive_levels(&self) -> Result<u64, StoreError> {
        self.inner.derive_levels().await
    }
    async fn purge(
        &self,
        t: &TenantId,
        at: UnixMillis,
        window: Window,
        head: OldestHead,
    ) -> Result<u64, StoreError> {
        self.inner.purge(t, at, window, head).await
    }
    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}

#[async_trait]
impl<S: RawEventStore> RawEventStore for Faulty<S> {
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        let work = async {
            let refused = |e: &RawEvent| e.endpoint == RAW_POISON;
            let good: Vec<_> = events.iter().filter(|e| !refused(e)).cloned().collect();
            assert_eq!(self.inner.insert(&good).await?, [0usize; 0]);
            Ok((0..events.len()).filter(|i| refused(&events[*i])).collect())
        };
        self.run(Call::Raw, work).await
    }
    async fn list(&self, t: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, StoreError> {
        self.inner.list(t, query).await
    }
    async fn count(&self, t: &TenantId, a: UnixMillis, b: UnixMillis) -> Result<u64, StoreError> {
        self.inner.count(t, a, b).await
    }
    async fn purge(&self, t: &TenantId, before: UnixMillis) -> Result<u64, StoreError> {
        self.inner.purge(t, before).await
    }
    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}
