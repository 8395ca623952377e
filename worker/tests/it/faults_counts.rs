//! A metric store that does what a test tells it, one call after the other.

use std::sync::{Arc, Mutex};

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
    Counted, DeadLetterPage, DeadLetterQuery, LedgerView, MetricStore, ReplayError, Replayed,
    StoreError,
};

use crate::acts::{Act, away};

type Plan = Box<dyn FnMut(&[Arrival]) -> Act + Send>;

pub struct FaultyCounts {
    inner: Arc<dyn MetricStore>,
    plan: Mutex<Plan>,
    /// Messages in each call of `count`, in order.
    sizes: Mutex<Vec<usize>>,
}

impl FaultyCounts {
    pub fn before(inner: Arc<dyn MetricStore>) -> Arc<Self> {
        let (plan, sizes) = (
            Mutex::new(Box::new(|_: &[Arrival]| Act::Pass) as Plan),
            Mutex::default(),
        );
        Arc::new(Self { inner, plan, sizes })
    }

    /// Decides over counting and rehearsing from now on.
    pub fn plan(&self, plan: impl FnMut(&[Arrival]) -> Act + Send + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    pub fn always(&self, act: Act) {
        self.plan(move |_| act.clone());
    }

    /// `act` for the first calls, then all is well.
    pub fn first(&self, mut times: usize, act: Act) {
        self.plan(move |_| {
            let fails = times > 0;
            times = times.saturating_sub(1);
            if fails { act.clone() } else { Act::Pass }
        });
    }

    pub fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }

    /// Whether the call may go on; then whether its answer may be given.
    async fn decide(&self, arrivals: &[Arrival]) -> Result<bool, StoreError> {
        let act = self.plan.lock().unwrap()(arrivals);
        match act {
            Act::Pass => Ok(true),
            Act::AwayAfter => Ok(false),
            Act::Away => Err(away("metric")),
            Act::Damaged => Err(StoreError::Damaged {
                store: "metric",
                doing: "read",
                source: "told to".into(),
            }),
            Act::Refuse => Err(StoreError::Refused {
                store: "metric",
                doing: "count",
                source: "told to".into(),
            }),
            Act::Panic => panic!("told to"),
            Act::Wait(go) => {
                go.notified().await;
                Ok(true)
            }
        }
    }
}

#[async_trait]
impl MetricStore for FaultyCounts {
    async fn count(
        &self,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        self.sizes.lock().unwrap().push(arrivals.len());
        let tells = self.decide(arrivals).await?;
        let counted = self.inner.count(arrivals, at).await;
        if tells { counted } else { Err(away("metric")) }
    }

    async fn rehearse(&self, arrivals: &[Arrival], at: UnixMillis) -> Result<(), StoreError> {
        self.decide(arrivals).await?;
        self.inner.rehearse(arrivals, at).await
    }

    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.inner.bury(letters).await
    }

    async fn raw_refused(
        &self,
        tenant: &TenantId,
        refused: &[DeadLetterId],
    ) -> Result<(), StoreError> {
        self.inner.raw_refused(tenant, refused).await
    }

    async fn fold(&self, tenant: &TenantId, spec: FoldSpec) -> Result<Vec<Group>, StoreError> {
        self.inner.fold(tenant, spec).await
    }

    async fn ledger(&self, tenant: &TenantId) -> Result<LedgerView, StoreError> {
        self.inner.ledger(tenant).await
    }

    async fn dead_letters(
        &self,
        tenant: &TenantId,
        query: &DeadLetterQuery,
    ) -> Result<DeadLetterPage, StoreError> {
        self.inner.dead_letters(tenant, query).await
    }

    async fn dead_letter(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        self.inner.dead_letter(tenant, id).await
    }

    async fn replay(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        event: &Event,
        body: &str,
        at: UnixMillis,
    ) -> Result<Replayed, ReplayError> {
        self.inner.replay(tenant, id, event, body, at).await
    }

    async fn raw_owed(&self, limit: u32) -> Result<Vec<Replayed>, StoreError> {
        self.inner.raw_owed(limit).await
    }

    async fn raw_settled(&self, tenant: &TenantId, id: DeadLetterId) -> Result<(), StoreError> {
        self.inner.raw_settled(tenant, id).await
    }

    async fn discard(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        reason: &str,
        at: UnixMillis,
    ) -> Result<DeadLetter, ReplayError> {
        self.inner.discard(tenant, id, reason, at).await
    }

    async fn derive_levels(&self) -> Result<u64, StoreError> {
        self.inner.derive_levels().await
    }

    async fn purge(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        window: Window,
        head: OldestHead,
    ) -> Result<u64, StoreError> {
        self.inner.purge(tenant, at, window, head).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}
