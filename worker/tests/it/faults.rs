//! Stores that fail as told.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

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
use tokio::sync::Semaphore;

/// What a call does instead of its work, or beside it.
#[derive(Clone)]
pub enum Fault {
    None,
    /// Nothing is done; the store is away.
    Away,
    /// Everything is done, and the answer is that it may be.
    AwayAtCommit,
    Refuse,
    Panic,
    /// Waits for a permit first.
    Slow(Arc<Semaphore>),
    /// Never answers.
    Hang,
}

/// What is called.
pub enum Call<'a> {
    Count(&'a [Arrival]),
    Rehearse(&'a [Arrival]),
    Bury,
    Raw(&'a [RawEvent]),
    RawRefused,
}

type Plan = Box<dyn Fn(Call<'_>) -> Fault + Send + Sync>;

/// Either store, failing as the plan says.
pub struct Faulty<S> {
    inner: Arc<S>,
    plan: Plan,
}

impl<S> Faulty<S> {
    pub fn new(
        inner: &Arc<S>,
        plan: impl Fn(Call<'_>) -> Fault + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: inner.clone(),
            plan: Box::new(plan),
        })
    }

    async fn run<T>(
        &self,
        call: Call<'_>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match (self.plan)(call) {
            Fault::None => work.await,
            Fault::Away => Err(away(false)),
            Fault::AwayAtCommit => {
                work.await?;
                Err(away(true))
            }
            Fault::Refuse => Err(StoreError::Refused {
                store: "metric",
                doing: "count",
                source: "out of range".into(),
            }),
            Fault::Panic => panic!("as the test wants"),
            Fault::Slow(gate) => {
                gate.acquire().await.unwrap().forget();
                work.await
            }
            Fault::Hang => pending().await,
        }
    }
}

fn away(unknown: bool) -> StoreError {
    StoreError::Unavailable {
        store: "metric",
        doing: "work",
        unknown,
        source: "connection refused".into(),
    }
}

/// A switch that a plan and its test share.
#[derive(Clone, Default)]
pub struct Switch(Arc<AtomicBool>);

impl Switch {
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::SeqCst);
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Calls that a plan has seen.
#[derive(Clone, Default)]
pub struct Calls(Arc<AtomicU32>);

impl Calls {
    /// How many there were before this one.
    pub fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub fn seen(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

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

/// Refuses documents of this endpoint.
pub const RAW_POISON: &str = "/raw-poison";

#[async_trait]
impl<S: RawEventStore> RawEventStore for Faulty<S> {
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        let work = async {
            let refused = |e: &RawEvent| e.endpoint == RAW_POISON;
            let good: Vec<_> = events.iter().filter(|e| !refused(e)).cloned().collect();
            assert_eq!(self.inner.insert(&good).await?, [0usize; 0]);
            Ok((0..events.len()).filter(|i| refused(&events[*i])).collect())
        };
        self.run(Call::Raw(events), work).await
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
