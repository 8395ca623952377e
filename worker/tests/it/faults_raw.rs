//! A raw store that does what a test tells it, one call after the other.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use async_trait::async_trait;
use sendry_domain::{id::TenantId, time::UnixMillis};
use sendry_store::{RawEvent, RawEventStore, RawQuery, StoreError};

use crate::acts::away;

/// What happens to an insert.
#[derive(Clone, Copy)]
pub enum RawAct {
    Pass,
    Away,
    /// It takes effect, and the answer is that nobody knows.
    AwayAfter,
    /// What contains this is refused.
    Refuse(&'static str),
    Hang,
}

pub struct FaultyRaw {
    inner: Arc<dyn RawEventStore>,
    plan: Mutex<Box<dyn FnMut() -> RawAct + Send>>,
    /// Calls of `insert`.
    pub inserts: AtomicUsize,
}

impl FaultyRaw {
    pub fn before(inner: Arc<dyn RawEventStore>) -> Arc<Self> {
        let plan: Box<dyn FnMut() -> RawAct + Send> = Box::new(|| RawAct::Pass);
        Arc::new(Self {
            inner,
            plan: Mutex::new(plan),
            inserts: AtomicUsize::default(),
        })
    }

    pub fn always(&self, act: RawAct) {
        *self.plan.lock().unwrap() = Box::new(move || act);
    }

    /// `act` for the first calls, then all is well.
    pub fn first(&self, mut times: usize, act: RawAct) {
        *self.plan.lock().unwrap() = Box::new(move || {
            let fails = times > 0;
            times = times.saturating_sub(1);
            if fails { act } else { RawAct::Pass }
        });
    }

    pub fn inserts(&self) -> usize {
        self.inserts.load(SeqCst)
    }
}

#[async_trait]
impl RawEventStore for FaultyRaw {
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        self.inserts.fetch_add(1, SeqCst);
        let act = self.plan.lock().unwrap()();
        match act {
            RawAct::Pass => self.inner.insert(events).await,
            RawAct::Away => Err(away("raw")),
            RawAct::Hang => std::future::pending().await,
            RawAct::AwayAfter => {
                self.inner.insert(events).await?;
                Err(away("raw"))
            }
            RawAct::Refuse(mark) => {
                let (bad, good): (Vec<_>, Vec<_>) =
                    (0..events.len()).partition(|n| events[*n].body.contains(mark));
                let good: Vec<_> = good.into_iter().map(|n| events[n].clone()).collect();
                assert!(self.inner.insert(&good).await?.is_empty());
                Ok(bad)
            }
        }
    }

    async fn list(&self, tenant: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, StoreError> {
        self.inner.list(tenant, query).await
    }

    async fn count(
        &self,
        tenant: &TenantId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StoreError> {
        self.inner.count(tenant, from, to).await
    }

    async fn purge(&self, tenant: &TenantId, before: UnixMillis) -> Result<u64, StoreError> {
        self.inner.purge(tenant, before).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}
