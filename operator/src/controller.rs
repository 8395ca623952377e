//! Who is reconciled, when, and what becomes of a pass.
//!
//! A pass is handed a name and finds out the rest itself. **Guarantee.** One pass of a name at a time; a pass that fails is
//! tried again, later and later; one that panics or hangs is a failed one, and stops nobody else. Everything is looked at
//! once after the start and then once in every resync interval, spread over it.

mod resync;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use sendry_runtime::{backoff::Backoff, error_chain::chain};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    error::{Category, Failure},
    metrics::{OperatorMetrics, PassResult, Waiting},
    work::{Outcome, WorkQueue},
};

/// A pass that takes longer hangs: everything it may wait for answers sooner, or not at all.
const PASS_WITHIN: Duration = Duration::from_secs(120);
/// After a pass that panicked or hung. It will most likely do so again.
const BROKEN: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(300));

/// Makes one resource what it should be.
#[async_trait]
pub trait Reconcile: Send + Sync {
    /// One pass. `name` may be of something that is gone. It may be dropped at any await, and is repeated then.
    ///
    /// # Errors
    /// What was in its way, by what to do about it.
    async fn reconcile(&self, name: &str) -> Result<Next, Failure>;
}

/// When to look again, apart from changes and resyncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing is pending.
    AtRest,
    /// Time alone changes something, then.
    After(Duration),
}

/// Who is looked at in a resync, by name.
pub type Names = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// Workers over a queue.
#[derive(Clone)]
pub struct Controller {
    /// What is reconciled, for logs and metrics: `tenants`, `pipelines`.
    pub kind: &'static str,
    /// What a pass does.
    pub reconcile: Arc<dyn Reconcile>,
    /// Who is next.
    pub queue: WorkQueue,
    /// Who is looked at in a resync.
    pub names: Names,
    /// Counters.
    pub metrics: OperatorMetrics,
    /// Passes at once, of different names.
    pub workers: usize,
    /// Everything is looked at once in so long.
    pub resync: Duration,
}

impl Controller {
    /// Runs until `stop`, then ends the passes that are under way. Dropped, it drops them where they are.
    pub async fn run(self, stop: CancellationToken) {
        let mut workers = JoinSet::new();
        for _ in 0..self.workers.max(1) {
            workers.spawn(self.clone().work(stop.clone()));
        }
        let resync = resync::run(&self.queue, &self.names, self.resync, || {
            self.tell_depths();
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = resync => {}
        }
        while workers.join_next().await.is_some() {}
    }

    async fn work(self, stop: CancellationToken) {
        loop {
            let name = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                name = self.queue.next() => name,
            };
            let span =
                tracing::info_span!(parent: None, "reconcile", kind = self.kind, name = %name);
            self.pass(&name).instrument(span).await;
        }
    }

    async fn pass(&self, name: &str) {
        self.tell_depths();
        let start = Instant::now();
        let pass = AssertUnwindSafe(self.reconcile.reconcile(name)).catch_unwind();
        let ended = tokio::time::timeout(PASS_WITHIN, pass).await;
        let took = start.elapsed();
        self.metrics.pass.observe(took.as_secs_f64());
        let duration_ms = took.as_millis();
        let (result, outcome) = match ended {
            Ok(Ok(Ok(next))) => {
                tracing::debug!(?next, duration_ms, "reconciled");
                match next {
                    Next::AtRest => ("at_rest", Outcome::AtRest),
                    Next::After(delay) => ("later", Outcome::After(delay)),
                }
            }
            Ok(Ok(Err(failure))) => {
                let category = failure.category;
                self.tell_failure(name, &failure, duration_ms);
                (category.label(), Outcome::Failed(category.backoff()))
            }
            // The panic itself was logged where it happened.
            Ok(Err(_panic)) => {
                tracing::error!(duration_ms, "a pass panicked; it is tried again later");
                ("panicked", Outcome::Failed(BROKEN))
            }
            Err(_elapsed) => {
                tracing::error!(duration_ms, "a pass did not end; it is tried again later");
                ("too_long", Outcome::Failed(BROKEN))
            }
        };
        self.metrics
            .results
            .get_or_create(&PassResult { result })
            .inc();
        self.queue.done(name, outcome, rand::random());
        self.tell_depths();
    }

    /// Somebody should hear of what goes on failing, and not once for every try.
    fn tell_failure(&self, name: &str, failure: &Failure, duration_ms: u128) {
        let failures = self.queue.failures(name);
        let category = failure.category.label();
        let error = chain(failure);
        match failure.category {
            // Part of the day's work, unless it does not end.
            Category::Conflict | Category::Superseded if failures < 5 => {
                tracing::info!(category, failures, duration_ms, %error, "a pass was outrun, will try again");
            }
            _ if failures == 0 || failures.is_power_of_two() => {
                tracing::warn!(category, failures, duration_ms, %error, "a pass failed, will try again");
            }
            _ => {
                tracing::debug!(category, failures, duration_ms, %error, "a pass failed again");
            }
        }
    }

    fn tell_depths(&self) {
        let depths = self.queue.depths();
        for (lane, depth) in [
            ("change", depths.change),
            ("resync", depths.resync),
            ("later", depths.later),
            ("working", depths.working),
        ] {
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            self.metrics
                .depth
                .get_or_create(&Waiting {
                    kind: self.kind,
                    lane,
                })
                .set(depth);
        }
    }
}

#[cfg(test)]
mod tests;
