//! The composition root: what an operator consists of, and its life as a standby and as the leader.
//!
//! [`Operator::start`] is the whole operator within any process that brings the [`Parts`]; tests start several.
//! [`process`](self::process) is the separate one, `sendry-operator run`.
//!
//! A standby has nothing and does nothing but stand for election. What a leader has is made anew for each term and dropped
//! with it: the gated client, the epoch, the watches, the queue. So nothing of one term can act in another.

mod args;
mod process;
mod term;
mod vhost;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use kube::Client;
use sendry_queue::QueueDepths;
use sendry_runtime::{
    clock::{Clock, SystemClock},
    health::Health,
};
use sendry_store::OperatorStore;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context, Entropy},
    controller::Reconcile,
    leader::{Candidate, Leadership},
    metrics::OperatorMetrics,
    settings::Settings,
    topology::Topology,
    watch::{Crd, CrdWatch, Pipelines, Tenants},
    work::WorkQueue,
    workers::WorkersWatch,
};

pub use args::OperatorArgs;
pub use process::{connect_cluster, connect_topology, run};

/// Before standing again after a term that ended badly.
const PAUSE: Duration = Duration::from_secs(1);

/// What an operator is made of.
#[derive(Clone)]
pub struct Parts {
    /// The API server, without a gate: each term has its own in front of it.
    pub client: Client,
    /// The settings that ingest and workers obey.
    pub store: Arc<dyn OperatorStore>,
    /// The broker.
    pub topology: Topology,
    /// How much waits in the broker's queues.
    pub depths: Arc<dyn QueueDepths>,
    /// The time of keys. Leadership has a clock of its own, which nobody can move.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Makes what does the work of a term.
    pub assemble: Assemble,
    /// Counters.
    pub metrics: OperatorMetrics,
    /// What `/readyz` says.
    pub health: Health,
}

/// Makes what does the work of a term.
pub type Assemble = Arc<dyn Fn(&Duty) -> Assembly + Send + Sync>;

/// What a term of leadership is handed.
#[derive(Clone)]
pub struct Duty {
    /// For the passes.
    pub context: Context,
    /// Which tenants there are, as far as is known.
    pub tenants: Tenants,
    /// To ask for a pass of a tenant.
    pub queue: WorkQueue,
    /// Which pipelines there are, as far as is known.
    pub pipelines: Pipelines,
    /// To ask for a pass of a pipeline.
    pub pipeline_queue: WorkQueue,
    /// What is seen of their workers.
    pub workers: WorkersWatch,
    /// Whether somebody deletes the CustomResourceDefinition.
    pub crd: Crd,
    /// Counters.
    pub metrics: OperatorMetrics,
    /// What `/readyz` says.
    pub health: Health,
    /// The right to write.
    pub leadership: Leadership,
    /// Cancelled when what is under way is to be finished.
    pub stop: CancellationToken,
}

/// What does the work of a term.
pub struct Assembly {
    /// A pass over one tenant.
    pub reconcile: Arc<dyn Reconcile>,
    /// A pass over one pipeline; `None` = nobody looks at them.
    pub pipelines: Option<Arc<dyn Reconcile>>,
    /// What else runs during a term, by name. It is dropped with the term; if it ends before, so does the term.
    pub beside: Vec<(&'static str, BoxFuture<'static, ()>)>,
}

impl Assembly {
    /// Passes and nothing beside.
    #[must_use]
    pub fn of(reconcile: Arc<dyn Reconcile>) -> Self {
        Self {
            reconcile,
            pipelines: None,
            beside: Vec::new(),
        }
    }
}

/// An operator, leading or standing by.
pub struct Operator {
    parts: Parts,
    settings: Arc<Settings>,
    stop: CancellationToken,
    term: watch::Sender<Option<Leadership>>,
}

impl Operator {
    /// Starts one. `settings` are those of [`Settings::checked`].
    #[must_use = "dropped, it is gone at once, and its lease runs out"]
    pub fn start(parts: Parts, settings: Settings) -> Running {
        let stop = CancellationToken::new();
        let term = watch::Sender::new(None);
        let leading = term.subscribe();
        let operator = Self {
            parts,
            settings: Arc::new(settings),
            stop: stop.clone(),
            term,
        };
        Running {
            task: tokio::spawn(operator.live()),
            stop,
            leading,
        }
    }

    async fn live(self) {
        let crd_watch = CrdWatch::new();
        let crd = crd_watch.crd();
        let Parts {
            client,
            health,
            metrics,
            ..
        } = &self.parts;
        tokio::select! {
            () = crd_watch.run(client.clone(), health, metrics.clone()) => {}
            () = self.stand_again_and_again(crd) => {}
        }
    }

    async fn stand_again_and_again(&self, mut crd: Crd) {
        let tenants = self.parts.health.component("tenants");
        tokio::select! {
            _uid = crd.present(&tenants) => {}
            () = self.stop.cancelled() => return,
        }
        let mut candidate = self.candidate();
        while !self.stop.is_cancelled() {
            // Only a leader has tenants to know.
            tenants.ready();
            let leadership = tokio::select! {
                leadership = self.stand(&mut candidate) => leadership,
                () = self.stop.cancelled() => {
                    candidate.give_back().await;
                    return;
                }
            };
            self.lead(&mut candidate, &leadership, crd.clone()).await;
            leadership.end();
            self.term.send_replace(None);
            self.parts.metrics.leader.set(0);
            candidate.give_back().await;
            if !self.stop.is_cancelled() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn candidate(&self) -> Candidate {
        let settings = &self.settings;
        Candidate::new(
            self.parts.client.clone(),
            &settings.namespace,
            &settings.lease_name(),
            &settings.identity,
            settings.lease,
            SystemClock::shared(),
        )
    }

    async fn stand(&self, candidate: &mut Candidate) -> Leadership {
        let mut last = String::new();
        candidate
            .win(|told| {
                if told != last {
                    told.clone_into(&mut last);
                    tracing::info!(identity = %self.settings.identity, "{told}");
                }
            })
            .await
    }

    /// One term: until it is lost, which drops everything where it is, or until what is under way has ended after a stop.
    async fn lead(&self, candidate: &mut Candidate, leadership: &Leadership, crd: Crd) {
        tracing::info!(identity = %self.settings.identity, "leading");
        self.parts.metrics.leader.set(1);
        self.term.send_replace(Some(leadership.clone()));
        let finished = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.settings.grace).await;
        };
        let term = term::run(
            &self.parts,
            self.settings.clone(),
            leadership.clone(),
            crd,
            self.stop.clone(),
        );
        tokio::select! {
            biased;
            () = candidate.keep(leadership) => {
                tracing::warn!("leadership is lost: everything under way is dropped");
            }
            () = term => {}
            () = finished => {
                tracing::warn!("what was under way did not end in time, and is dropped");
            }
        }
    }
}

/// An operator that runs. Dropped, it is gone at once, as if killed.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
    leading: watch::Receiver<Option<Leadership>>,
}

impl Running {
    /// The term of leadership it is in, if it leads.
    #[must_use]
    pub fn leadership(&self) -> Option<Leadership> {
        self.leading.borrow().clone().filter(Leadership::holds)
    }

    /// Waits until it leads.
    pub async fn leads(&mut self) -> Leadership {
        loop {
            if let Some(leadership) = self.leading.borrow_and_update().clone() {
                return leadership;
            }
            if self.leading.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Finishes what is under way, gives the lease back, and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.task).await;
    }

    /// Runs until `stop`, then as [`Self::stop`]. Ends before only when something of it panicked.
    pub async fn until(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => self.stop().await,
            _ended = &mut self.task => {}
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
