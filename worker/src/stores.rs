//! The stores as a worker uses them: each behind a breaker, each call repeated until it works or the process leaves.
//!
//! A store that is away never turns an event into a dead letter and never gives a message back to the queue. The worker
//! holds what it has, takes nothing new, and tries again with jittered pauses; while the breaker is open it waits, and
//! when half-open it tries with a single message.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sendry_domain::{
    breaker::{Breaker, Config, Permit, State},
    time::UnixMillis,
};
use sendry_runtime::{backoff::Backoff, clock::Clock, error_chain::chain, health::Component};
use sendry_store::{MetricStore, RawEventStore, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Parts,
    metrics::{Store, WorkerMetrics},
};

/// Pauses between tries.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
/// How long a process that leaves goes on trying what failed.
const LAST_TRIES: Duration = Duration::from_secs(15);
/// How often an open breaker is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The process leaves: what was not finished comes again elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving;

/// A store behind its breaker.
pub struct Guarded {
    name: &'static str,
    breaker: Mutex<Breaker>,
    /// The last call failed. It is being repeated, so another answer will come.
    away: AtomicBool,
    clock: Arc<dyn Clock>,
    metrics: WorkerMetrics,
}

/// Both stores.
pub struct Stores {
    /// Counts.
    pub counts: Arc<dyn MetricStore>,
    /// Raw events.
    pub raw: Arc<dyn RawEventStore>,
    /// Before [`Self::counts`].
    pub counts_guard: Guarded,
    /// Before [`Self::raw`].
    pub raw_guard: Guarded,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub metrics: WorkerMetrics,
}

impl Stores {
    /// Both stores with closed breakers.
    #[must_use]
    pub fn new(parts: &Parts) -> Self {
        let guard = |name| Guarded {
            name,
            breaker: Mutex::new(Breaker::new(Config::default())),
            away: AtomicBool::new(false),
            clock: parts.clock.clone(),
            metrics: parts.metrics.clone(),
        };
        Self {
            counts: parts.counts.clone(),
            raw: parts.raw.clone(),
            counts_guard: guard("metric"),
            raw_guard: guard("raw"),
            clock: parts.clock.clone(),
            metrics: parts.metrics.clone(),
        }
    }

    /// The moment of counting.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.clock.now_ms())
    }

    /// Waits until both breakers let calls through; tells `component` meanwhile.
    ///
    /// # Errors
    /// When the process leaves first.
    pub async fn passable(
        &self,
        component: &Component,
        stop: &CancellationToken,
    ) -> Result<(), Leaving> {
        while !self.tell_once(component) {
            pause(LOOK, stop).await?;
        }
        Ok(())
    }

    /// Goes on telling `component` while messages are being processed, which may wait for a store.
    pub async fn tell(&self, component: &Component) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            self.tell_once(component);
        }
    }

    fn tell_once(&self, component: &Component) -> bool {
        let guards = [&self.counts_guard, &self.raw_guard];
        let open = guards.iter().find(|g| g.state() == State::Open);
        // Calls that fail after seconds of waiting are too few to open a breaker, and are as much of a failure.
        let failing = guards.iter().find(|g| g.away.load(Ordering::Relaxed));
        match open.or(failing) {
            None => component.ready(),
            Some(guard) => component.not_ready(format!("the {} store is away", guard.name)),
        }
        open.is_none()
    }

    /// Whether only one message should be tried.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        [&self.counts_guard, &self.raw_guard]
            .iter()
            .any(|g| g.state() == State::HalfOpen)
    }
}

impl Guarded {
    /// The breaker's state now.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().state(self.clock.monotonic_ms())
    }

    /// Shows the state in the metrics, after every answer that may have changed it.
    fn show(&self) {
        let gauge = self
            .metrics
            .breakers
            .get_or_create(&Store { store: self.name });
        gauge.set(match self.state() {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        });
    }

    /// Calls until the store answers. An answer is a success or a refusal of the data; being away is not.
    ///
    /// # Errors
    /// `Err(Leaving)` when the process leaves first; `Ok(Err(error))` when the store refuses the data or holds damaged
    /// data.
    pub async fn call<T, F, Fut>(
        &self,
        stop: &CancellationToken,
        mut call: F,
    ) -> Result<Result<T, StoreError>, Leaving>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let (mut attempt, mut leaving) = (0, None);
        loop {
            let permit = Lent {
                guarded: self,
                permit: Some(self.permit(stop).await?),
            };
            match call().await {
                Err(error @ (StoreError::Unavailable { .. } | StoreError::Damaged { .. })) => {
                    self.metrics
                        .store_failures
                        .get_or_create(&Store { store: self.name })
                        .inc();
                    tracing::warn!(error = %chain(&error), attempt, store = self.name, "store call failed, will try again");
                    let now = self.clock.monotonic_ms();
                    permit.back(|breaker, permit| breaker.failed(permit, now));
                    self.away.store(true, Ordering::Relaxed);
                    self.show();
                    self.before_again(attempt, stop, &mut leaving).await?;
                    attempt = attempt.saturating_add(1);
                }
                answer => {
                    permit.back(Breaker::succeeded);
                    self.away.store(false, Ordering::Relaxed);
                    self.show();
                    return Ok(answer);
                }
            }
        }
    }

    /// The pause after a failed call. While the process leaves, too: what fails by chance, as two that wait for each other
    /// do, would else come again elsewhere. But not when the store is away.
    async fn before_again(
        &self,
        attempt: u32,
        stop: &CancellationToken,
        leaving: &mut Option<Instant>,
    ) -> Result<(), Leaving> {
        let delay = BACKOFF.delay(attempt, rand::random());
        if pause(delay, stop).await.is_ok() {
            return Ok(());
        }
        let since = *leaving.get_or_insert_with(Instant::now);
        if self.state() != State::Closed || since.elapsed() > LAST_TRIES {
            return Err(Leaving);
        }
        tokio::time::sleep(delay).await;
        Ok(())
    }

    async fn permit(&self, stop: &CancellationToken) -> Result<Permit, Leaving> {
        loop {
            let permit = self.lock().try_pass(self.clock.monotonic_ms());
            match permit {
                Some(permit) => return Ok(permit),
                None => pause(LOOK, stop).await?,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit that comes back even when its call panics; one that is lost would hold a probe for ever.
struct Lent<'a> {
    guarded: &'a Guarded,
    permit: Option<Permit>,
}

impl Lent<'_> {
    fn back(mut self, how: impl FnOnce(&mut Breaker, Permit)) {
        if let Some(permit) = self.permit.take() {
            how(&mut self.guarded.lock(), permit);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.guarded.lock().abandoned(permit);
        }
    }
}

/// Waits, or says that the process leaves.
pub(crate) async fn pause(time: Duration, stop: &CancellationToken) -> Result<(), Leaving> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = stop.cancelled() => Err(Leaving),
    }
}
