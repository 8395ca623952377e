//! The consumers of this process: which queues there are, followed as tenants and pipelines come.
//!
//! A pipeline that goes keeps its consumers until the process leaves: what was confirmed into its queue is still counted.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use sendry_domain::{id::PipelineName, routing::QueueName};
use sendry_runtime::{
    error_chain::chain,
    health::{Component, Health},
};
use sendry_store::{ControlSnapshot, StoreError};
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{Parts, Role, Settings, consumers, stores::pause};

/// How often the settings are asked for when nothing wakes us.
const POLL: Duration = Duration::from_secs(2);
/// How often the broker's topology is looked at though no setting changed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The shortest time between two looks: many changes at once are one.
const PAUSE: Duration = Duration::from_millis(200);

/// Why queues could not be declared; tried again.
pub type ProvideError = Box<dyn std::error::Error + Send + Sync>;

/// Makes sure that every queue of the settings is there, where nobody else does.
#[async_trait]
pub trait ProvideQueues: Send + Sync {
    /// Declares what is missing. Idempotent.
    async fn provide(&self, control: &ControlSnapshot) -> Result<(), ProvideError>;
}

/// Queues that make themselves (SQLite), or that an operator declares.
pub struct Provided;

#[async_trait]
impl ProvideQueues for Provided {
    async fn provide(&self, _: &ControlSnapshot) -> Result<(), ProvideError> {
        Ok(())
    }
}

/// Which queues to drain.
#[derive(Clone, Debug)]
pub enum Which {
    /// This one.
    One(Role, QueueName),
    /// All of a role, as they come and go.
    All(Role),
    /// All there are.
    Everything,
}

/// What a fleet needs.
pub struct Fleet {
    /// Shared by all consumers.
    pub parts: Parts,
    /// Which queues.
    pub which: Which,
    /// How much at once.
    pub settings: Settings,
    /// Declares queues.
    pub provider: Arc<dyn ProvideQueues>,
    /// Where consumers say how they are.
    pub health: Health,
}

/// Why the fleet ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A consumer ended, which it never does by itself.
    #[error("a consumer ended")]
    Ended,
    /// A consumer panicked.
    #[error("a consumer panicked")]
    Panicked(#[source] JoinError),
}

/// Why the queues are not as they should be; tried again.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("failed to declare the queues")]
    Provide(#[source] ProvideError),
}

impl Fleet {
    /// Runs until told to stop; then waits for its consumers, which finish what they hold.
    ///
    /// # Errors
    /// When a consumer ends by itself.
    pub async fn run(
        self,
        component: Component,
        stop: CancellationToken,
    ) -> Result<(), FleetError> {
        let (mut running, mut started) = (JoinSet::new(), BTreeSet::new());
        let mut seen: Option<(u64, Instant)> = None;
        while !stop.is_cancelled() {
            match self
                .look(&mut seen, &mut started, &mut running, &stop)
                .await
            {
                Ok(()) => component.ready(),
                Err(error) => {
                    let reason = chain(&error).to_string();
                    tracing::warn!(error = %reason, "failed to follow the pipelines, will try again");
                    component.not_ready(reason);
                }
            }
            if pause(PAUSE, &stop).await.is_err() {
                break;
            }
            tokio::select! {
                () = self.parts.control.changed(POLL) => {}
                () = stop.cancelled() => {}
                Some(ended) = running.join_next() => if !stop.is_cancelled() {
                    return Err(why(ended));
                }
            }
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(FleetError::Panicked)?;
        }
        Ok(())
    }

    async fn look(
        &self,
        seen: &mut Option<(u64, Instant)>,
        started: &mut BTreeSet<QueueName>,
        running: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<(), LookError> {
        let version = self.parts.control.version().await?;
        let fresh = |(of, at): &(u64, Instant)| *of == version && at.elapsed() < LOOK_AGAIN;
        if seen.as_ref().is_some_and(fresh) {
            return Ok(());
        }
        let control = self.parts.control.snapshot().await?;
        // Queues are drained also while nobody can declare them: most are there already.
        let provided = self.provider.provide(&control).await;
        for (role, queue) in self.queues(&control) {
            if started.insert(queue.clone()) {
                tracing::info!(queue.name = %queue, "draining");
                let component = |name| self.component(name);
                for consuming in consumers(&self.parts, role, &queue, self.settings, &component) {
                    let stop = stop.clone();
                    running.spawn(async move { consuming.run(&stop).await });
                }
            }
        }
        provided.map_err(LookError::Provide)?;
        *seen = Some((control.version, Instant::now()));
        Ok(())
    }

    /// A process that drains one queue is ready once it does, so that of a rollout nothing that cannot is taken for a
    /// worker. Whoever drains all of them goes on with the others.
    fn component(&self, name: String) -> Component {
        let component = self.health.component(name);
        match self.which {
            Which::One(..) => component.once(),
            Which::All(_) | Which::Everything => component.informational(),
        }
    }

    /// The queues to drain by these settings.
    fn queues(&self, control: &ControlSnapshot) -> Vec<(Role, QueueName)> {
        let (workers, keepers) = match &self.which {
            Which::One(role, queue) => return vec![(*role, queue.clone())],
            Which::All(role) => (*role == Role::Worker, *role == Role::Keeper),
            Which::Everything => (true, true),
        };
        let of = queues_of(control).into_iter();
        of.filter_map(|queue| match queue {
            QueueName::Pipeline(..) => workers.then_some((Role::Worker, queue)),
            QueueName::Parked(_) => keepers.then_some((Role::Keeper, queue)),
        })
        .collect()
    }
}

/// Every queue of the settings. A tenant always has the pipeline that takes what no other takes, and a parked queue.
#[must_use]
pub fn queues_of(control: &ControlSnapshot) -> BTreeSet<QueueName> {
    let mut queues = BTreeSet::new();
    for tenant in &control.tenants {
        let fallback = PipelineName::fallback();
        queues.insert(QueueName::Pipeline(tenant.id.clone(), fallback));
        queues.insert(QueueName::Parked(tenant.id.clone()));
    }
    for pipeline in &control.pipelines {
        let of = (pipeline.tenant.clone(), pipeline.name.clone());
        queues.insert(QueueName::Pipeline(of.0, of.1));
    }
    queues
}

fn why(ended: Result<(), JoinError>) -> FleetError {
    match ended {
        Ok(()) => FleetError::Ended,
        Err(error) => FleetError::Panicked(error),
    }
}
