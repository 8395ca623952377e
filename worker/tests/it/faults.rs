//! Stores that fail as told.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use sendry_domain::counting::Arrival;
use sendry_store::StoreError;
use tokio::sync::Semaphore;

/// Documents of this endpoint a [`Faulty`] raw store refuses, whatever its plan.
pub const RAW_POISON: &str = "/raw-poison";

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
    Raw,
    RawRefused,
}

type Plan = Box<dyn Fn(Call<'_>) -> Fault + Send + Sync>;

/// Either store, failing as the plan says.
pub struct Faulty<S> {
    pub inner: Arc<S>,
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

    pub async fn run<T>(
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
