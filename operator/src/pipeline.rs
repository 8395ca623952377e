//! A pass over one pipeline: dereference → validate → build → apply → status.
//!
//! Order: its row, which says what queues there should be, then the queue, its limits and its user, seen in effect; then
//! ingest may send events there; then workers. A pipeline that loses its pattern to an older one takes no new events, and
//! keeps its queue and at least one worker until it is deleted, unless it is suspended ([`holding`]).
//!
//! **Guarantee.** Ingest never sends events to a queue that was not seen with its limits in effect. Two operators, and
//! ingest, choose the same one of two pipelines ([`standing`]). How a deleted one goes: see [`cleanup`].

pub mod apply;
pub mod build;
pub mod cleanup;
pub mod dereference;
pub mod drain;
pub mod fleet;
mod holding;
pub mod kept;
pub mod standing;
pub mod status;
mod told;
pub mod validate;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Resource, runtime::events::EventType};
use sendry_crds::{SendryPipeline, condition, names};
use sendry_domain::id::{PipelineName, TenantId};
use sendry_runtime::error_chain::chain;
use sendry_store::ManagedPipeline;
use uuid::Uuid;

use self::{
    cleanup::{Draining, End},
    dereference::{Whose, dereference},
    fleet::Followers,
    status::{Report, Workers},
    told::{adopted, kept, transitions},
    validate::{Refused, Valid, validate},
};
use crate::{
    context::Context,
    controller::{Next, Reconcile},
    error::Failure,
    tenant::{queues, told::Told},
    topology::Synced,
    watch::Pipelines,
    workers::{self, WorkersWatch},
};

/// How soon it is looked again after a tenant that is not set up yet, of which nothing may be heard.
const TENANT: Duration = Duration::from_secs(10);
/// How soon it is looked again whether the pipelines are known.
const SYNCED: Duration = Duration::from_millis(200);

/// Reconciles pipelines by namespace and name.
pub struct PipelineReconciler {
    cx: Context,
    ports: Ports,
    drains: Mutex<HashMap<Uuid, Draining>>,
}

/// What passes over pipelines are handed beside the [`Context`].
pub struct Ports {
    /// The other pipelines.
    pub siblings: Arc<dyn Siblings>,
    /// Whose workers the autoscaler follows.
    pub followers: Followers,
    /// What is seen of workers.
    pub workers: WorkersWatch,
    /// Whether we may write: the broker does not know who leads.
    pub holds: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// The pipelines of a namespace, as they were last seen.
pub trait Siblings: Send + Sync {
    /// All that can be read; `None` = not all of them are known yet.
    fn of(&self, namespace: &str) -> Option<Vec<Arc<SendryPipeline>>>;
}

impl Siblings for Pipelines {
    fn of(&self, namespace: &str) -> Option<Vec<Arc<SendryPipeline>>> {
        self.synced().then(|| self.of(namespace))
    }
}

/// What a pass wants to be known.
#[derive(Default)]
struct Done {
    report: Report,
    told: Vec<Told>,
    /// Nothing is said: it is another operator's.
    not_ours: bool,
}

impl PipelineReconciler {
    /// For one term.
    #[must_use]
    pub fn new(cx: Context, ports: Ports) -> Self {
        Self {
            cx,
            ports,
            drains: Mutex::default(),
        }
    }

    async fn pass(
        &self,
        key: &str,
        pipeline: &Arc<SendryPipeline>,
        siblings: Vec<Arc<SendryPipeline>>,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let cx = &self.cx;
        let world = dereference(cx, siblings, pipeline).await?;
        if matches!(world.tenant, Whose::AnotherOperators) {
            done.not_ours = true;
            return Ok(());
        }
        let valid = match validate(pipeline, &world) {
            Ok(valid) => valid,
            Err(refused) => {
                done.report.refused = Some(refused);
                return self.hold(key, pipeline, &world, false, done).await;
            }
        };
        apply::finalizer(cx, pipeline).await?;
        let mut rows = world.rows.iter();
        let row = rows.find(|row| row.record.name == valid.name);
        if let Some(trouble) = &valid.trouble {
            done.report.refused = Some(Refused::Stalled(trouble.clone()));
            self.lose(&valid, row).await?;
            return self.hold(key, pipeline, &world, true, done).await;
        }
        let routed = self.queue(&valid, row, done).await?;
        if !routed {
            return self.hold(key, pipeline, &world, true, done).await;
        }
        self.ports
            .followers
            .follow(key, &valid.broker.tenant, &valid.name, pipeline);
        workers::ensure(cx, &build::workers(&valid)).await?;
        let min = if valid.suspended { 0 } else { valid.min };
        let seen = self.seen(&valid.broker.tenant, &valid.name, min);
        done.report.workers = Some(Workers {
            capped: is_capped(pipeline),
            ..seen
        });
        done.report.but = but(&valid);
        Ok(())
    }

    /// It takes no events, and what it has stays as it is. What was never its own is left alone.
    async fn lose(&self, valid: &Valid, row: Option<&ManagedPipeline>) -> Result<(), Failure> {
        let ours = |row: &&ManagedPipeline| row.stamp.is_some_and(|s| s.uid == valid.uid);
        let Some(row) = row.filter(ours) else {
            return Ok(());
        };
        let wanted = ManagedPipeline {
            stage: row.stage,
            ..build::row(valid, false)
        };
        let stamp = build::stamp(valid, self.cx.epoch);
        apply::row(&self.cx, &stamp, &wanted, Some(row)).await
    }

    /// Its row, its queue, and the row again: whether ingest sends events there.
    async fn queue(
        &self,
        valid: &Valid,
        row: Option<&ManagedPipeline>,
        done: &mut Done,
    ) -> Result<bool, Failure> {
        let (cx, tenant) = (&self.cx, &valid.broker.tenant);
        let stamp = build::stamp(valid, cx.epoch);
        // One that takes events goes on taking them, whatever changes about it.
        let mut routed = row.is_some_and(|row| !row.record.retired);
        apply::row(cx, &stamp, &build::row(valid, routed), row).await?;
        done.told.extend(adopted(valid.uid, row));
        // Before the queue, so that what is in the way of its user is said.
        workers::reader(cx, tenant, &valid.name).await?;
        let synced = queues::ensure_queue(cx, &valid.broker, &valid.name).await?;
        done.told.extend(self.drift(tenant, &valid.name));
        if synced == Synced::Whole && !routed {
            apply::row(cx, &stamp, &build::row(valid, true), None).await?;
            routed = true;
        }
        done.report.synced = Some(synced);
        Ok(routed)
    }

    fn seen(&self, tenant: &TenantId, name: &PipelineName, min: u32) -> Workers {
        Workers {
            look: self.ports.workers.look(tenant, name),
            min,
            capped: false,
            selector: format!(
                "{}={tenant},{}={name}",
                names::TENANT_LABEL,
                names::PIPELINE_LABEL
            ),
        }
    }

    /// Writes the status where it says something new, and tells of transitions.
    async fn tell(&self, pipeline: &SendryPipeline, done: Done) -> Result<(), Failure> {
        let generation = pipeline.metadata.generation.unwrap_or(0);
        // To the second, as the API server gives it back.
        let now =
            Timestamp::from_second(self.cx.clock.now_ms().div_euclid(1_000)).unwrap_or_default();
        let before = pipeline.status.as_ref();
        let after = status::status(before, &done.report, generation, now);
        if !before.is_some_and(|before| status::same(before, &after)) {
            apply::status(&self.cx, pipeline, &after).await?;
        }
        for told in transitions(before, &after).iter().chain(&done.told) {
            self.publish(pipeline, told).await;
        }
        Ok(())
    }

    async fn publish(&self, pipeline: &SendryPipeline, told: &Told) {
        let kind = if told.warning {
            EventType::Warning
        } else {
            EventType::Normal
        };
        let about = pipeline.object_ref(&());
        self.cx
            .events
            .publish(&about, kind, &told.reason, &told.action, &told.note)
            .await;
    }

    /// Says why the pass did not end, where that is not over in a moment. What is returned is what to try again for.
    async fn fail(&self, pipeline: &SendryPipeline, mut done: Done, failure: Failure) -> Failure {
        if failure.is_anothers() {
            return failure;
        }
        done.report.failure = Some((failure.category.reason(), chain(&failure).to_string()));
        match self.tell(pipeline, done).await {
            Ok(()) => failure,
            Err(untold) => untold,
        }
    }

    async fn leave(
        &self,
        key: &str,
        pipeline: &Arc<SendryPipeline>,
        siblings: Vec<Arc<SendryPipeline>>,
    ) -> Result<Next, Failure> {
        let mut done = Done::default();
        let end = self
            .cleanup(key, pipeline, siblings, &mut done.report)
            .await;
        match end {
            Ok(End::Gone(what)) => {
                if let Some(told) = kept(&what) {
                    self.publish(pipeline, &told).await;
                }
                Ok(Next::AtRest)
            }
            Ok(End::NotOurs) => Ok(Next::AtRest),
            Ok(End::Waits(next)) => {
                self.tell(pipeline, done).await?;
                Ok(Next::After(next))
            }
            Err(failure) => Err(self.fail(pipeline, done, failure).await),
        }
    }

    fn drains(&self) -> MutexGuard<'_, HashMap<Uuid, Draining>> {
        self.drains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Reconcile for PipelineReconciler {
    async fn reconcile(&self, key: &str) -> Result<Next, Failure> {
        let Some((namespace, name)) = key.split_once('/') else {
            return Ok(Next::AtRest);
        };
        // Who decides among pipelines has to know all of them.
        let Some(siblings) = self.ports.siblings.of(namespace) else {
            return Ok(Next::After(SYNCED));
        };
        let pipelines: Api<SendryPipeline> = Api::namespaced(self.cx.client.clone(), namespace);
        let found = pipelines.get_opt(name).await;
        let found =
            found.map_err(|error| Failure::kubernetes(format!("read pipeline {key}"), error))?;
        let Some(pipeline) = found.map(Arc::new) else {
            // Gone with its finalizer off, so what it had was drained or is kept.
            self.ports.followers.gone(key);
            return Ok(Next::AtRest);
        };
        if pipeline.metadata.deletion_timestamp.is_some() {
            return self.leave(key, &pipeline, siblings).await;
        }
        let mut done = Done::default();
        match self.pass(key, &pipeline, siblings, &mut done).await {
            Ok(()) if done.not_ours => Ok(Next::AtRest),
            Ok(()) => {
                let next = match &done.report.refused {
                    Some(Refused::Waits(waits)) if waits.reason == "TenantNotReady" => {
                        Next::After(TENANT)
                    }
                    _ if done.report.workers.as_ref().is_some_and(Workers::are_short) => {
                        Next::After(TENANT)
                    }
                    _ => Next::AtRest,
                };
                self.tell(&pipeline, done).await?;
                Ok(next)
            }
            Err(failure) => Err(self.fail(&pipeline, done, failure).await),
        }
    }
}

/// Whether the autoscaler says that the tenant's limit leaves no more workers.
fn is_capped(pipeline: &SendryPipeline) -> bool {
    let conditions = pipeline.status.as_ref().map(|status| &status.conditions);
    let limited = conditions.and_then(|said| condition::find(said, condition::SCALING_LIMITED));
    limited.is_some_and(|said| said.status == "True" && said.reason == "TenantCap")
}

/// What a person should know of a pipeline that has everything it asks for.
fn but(valid: &Valid) -> Option<(&'static str, &'static str)> {
    if valid.tenant_suspended {
        return Some((
            "TenantSuspended",
            "everything is there; ingest takes no events of the tenant, as its spec.suspend says",
        ));
    }
    valid.suspended.then_some((
        "Suspended",
        "it has no workers, as its spec.suspend says; events are accepted and wait in the queue",
    ))
}
