//! A pipeline's resource is being deleted: its queue is drained and goes, or is kept.
//!
//! **Guarantee.** A queue is deleted only after ingest was told to send nothing there any more and had time to hear of it,
//! the broker was told to let nothing in, and the queue was seen to be empty twice with a worker attached, and by the
//! broker's own count, with the parked queue there for what it had still to dead-letter ([`Emptiness`]).
//! Whatever cannot be known is not empty. What does not end in time, and what nobody meant, is kept: queue, settings and
//! workers. Each step is written down before the next one, so that another operator goes on where this one stopped.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use sendry_crds::{SendryPipeline, SendryTenant, condition, names, pipeline::DeletionPolicy};
use sendry_domain::{
    beat::{Drainer, Liveness},
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_runtime::error_chain::chain;
use sendry_store::{ManagedPipeline, PipelineRecord, QueueStage, Stamp};
use uuid::Uuid;

use super::{
    PipelineReconciler, apply,
    dereference::{Whose, World, dereference},
    drain::Emptiness,
    status::Report,
    validate::broker,
};
use crate::{
    error::Failure,
    quantity,
    tenant::{
        cleanup::definition_goes,
        queues::{self, Broker},
        validate::{Invalid, annotated},
    },
    topology::{Removed, Synced},
    workers,
};

/// Ingests poll the settings every 2 s; by then the slowest of them has heard of a change, and of a message that it was
/// sending meanwhile it has an answer.
const HEARD_AFTER: Duration = Duration::from_secs(5);
/// For how long it is looked at least whether it is empty, however late it is: as long as that takes where it is.
const LOOKED: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// How long a queue may take to be drained, where nothing is said.
const DRAIN_WITHIN: Duration = Duration::from_secs(3_600);
/// Why a pass says nothing of what there is.
const UNKNOWING: [&str; 4] = [
    "BrokerUnreachable",
    "BrokerUnauthorized",
    "Stopping",
    "TenantNotReady",
];
/// How long a kept pipeline waits for a worker that stays with it.
const WORKER_WITHIN: Duration = Duration::from_secs(30);

/// What became of what it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It had nothing.
    Nothing,
    /// All of it is gone.
    Drained,
    /// It is kept, and why.
    Retained(&'static str),
    /// It was not seen to be drained in time, and why not; so it is kept.
    TimedOut(String),
}

/// How a pass over a deleted pipeline ended.
#[derive(Debug)]
pub(super) enum End {
    /// The resource may go.
    Gone(Kept),
    /// It is another operator's.
    NotOurs,
    /// It takes longer.
    Waits(Duration),
}

/// A drain that goes on, as far as it has to be remembered; whoever forgets it begins to look anew.
#[derive(Debug)]
pub(super) struct Draining {
    /// When the settings were first seen to send nothing there, on our own clock.
    since: u64,
    emptiness: Emptiness,
    liveness: Liveness,
}

/// A deleted pipeline that has something.
struct Deleted<'a> {
    key: &'a str,
    pipeline: &'a Arc<SendryPipeline>,
    broker: Broker,
    name: PipelineName,
    stamp: Stamp,
    row: &'a ManagedPipeline,
    /// Nothing on the broker is waited for.
    broker_gone: bool,
}

impl PipelineReconciler {
    pub(super) async fn cleanup(
        &self,
        key: &str,
        pipeline: &Arc<SendryPipeline>,
        siblings: Vec<Arc<SendryPipeline>>,
        report: &mut Report,
    ) -> Result<End, Failure> {
        let mut finalizers = pipeline.finalizers().iter();
        if !finalizers.any(|f| f == names::PIPELINE_FINALIZER) {
            return Ok(End::Gone(Kept::Nothing));
        }
        let world = dereference(&self.cx, siblings, pipeline).await?;
        let goes = world.namespace_goes || definition_goes::<SendryPipeline>(&self.cx).await?;
        let tenant = match &world.tenant {
            Whose::AnotherOperators => return Ok(End::NotOurs),
            Whose::Tenant(tenant) if tenant.metadata.deletion_timestamp.is_none() => Some(tenant),
            Whose::Tenant(_) | Whose::Nobodys => None,
        };
        let kept = match tenant {
            _ if goes => Kept::Retained("its definition or its namespace is being deleted"),
            None => Kept::Retained("its tenant is gone, or is being deleted"),
            Some(tenant) => match self.deleted(key, pipeline, tenant, &world) {
                None => Kept::Nothing,
                Some(deleted) => match self.end(&deleted, report).await? {
                    End::Gone(kept) => kept,
                    waits => return Ok(waits),
                },
            },
        };
        if matches!(kept, Kept::Nothing | Kept::Drained) {
            self.ports.followers.leave(key);
        } else {
            self.follow_held(key, pipeline, &world, true);
            self.ports.followers.keep(key, pipeline);
        }
        apply::no_finalizer(&self.cx, pipeline).await?;
        Ok(End::Gone(kept))
    }

    /// What it has, if it has something: another resource of its name may have taken that up.
    fn deleted<'a>(
        &self,
        key: &'a str,
        pipeline: &'a Arc<SendryPipeline>,
        tenant: &SendryTenant,
        world: &'a World,
    ) -> Option<Deleted<'a>> {
        let uid: Uuid = pipeline.uid()?.parse().ok()?;
        let name = PipelineName::new(&pipeline.name_any()).ok()?;
        let ours = |row: &&ManagedPipeline| {
            row.record.name == name && row.stamp.is_some_and(|stamp| stamp.uid == uid)
        };
        let gone = names::BROKER_GONE_ANNOTATION;
        Some(Deleted {
            key,
            pipeline,
            broker: broker(tenant)?,
            row: world.rows.iter().find(ours)?,
            name,
            stamp: Stamp {
                epoch: self.cx.epoch,
                uid,
                generation: pipeline.metadata.generation.unwrap_or(0),
            },
            broker_gone: annotated(tenant, gone) || annotated(pipeline.as_ref(), gone),
        })
    }

    async fn end(&self, deleted: &Deleted<'_>, report: &mut Report) -> Result<End, Failure> {
        let tenant = &deleted.broker.tenant;
        self.ports
            .followers
            .follow(deleted.key, tenant, &deleted.name, deleted.pipeline);
        report.workers = Some(self.seen(tenant, &deleted.name, 1));
        if deleted.row.stage == QueueStage::Leaving {
            return self.remove(deleted).await;
        }
        match deleted.pipeline.spec.deletion_policy {
            DeletionPolicy::Retain => Ok(self.retain(deleted, report).await),
            DeletionPolicy::Drain => self.drain(deleted, report).await,
        }
    }

    /// Everything stays, and a worker with it.
    async fn retain(&self, deleted: &Deleted<'_>, report: &mut Report) -> End {
        let look = report.workers.as_ref().and_then(|w| w.look.as_ref());
        let works = look.is_some_and(|look| look.wanted > 0);
        if works || self.since_deleted(deleted.pipeline) >= WORKER_WITHIN {
            return End::Gone(Kept::Retained("as its deletionPolicy says"));
        }
        if look.is_none()
            && let Err(failure) = self.make_workers(deleted).await
        {
            // It goes all the same, and whoever looks after kept ones tries again.
            tracing::warn!(pipeline.key = deleted.key, error = %chain(&failure), "no workers to stay with a kept queue yet");
        }
        report.leaving = Some(Invalid {
            reason: "Retaining",
            message: "its queue is kept; it waits for a worker that stays with it".to_owned(),
        });
        End::Waits(LOOK)
    }

    async fn drain(&self, deleted: &Deleted<'_>, report: &mut Report) -> Result<End, Failure> {
        let within = within(deleted.pipeline);
        report.leaving = Some(leaving(deleted.pipeline, within, None));
        if self.never_had_it(deleted).await? {
            // The queue of its name is another's, and stays; what is ours beside it goes.
            self.remove(deleted).await?;
            return Ok(End::Gone(Kept::Nothing));
        }
        if !deleted.row.record.retired {
            self.write(deleted, QueueStage::Open).await?;
            self.since_retired(deleted);
            return Ok(End::Waits(HEARD_AFTER));
        }
        let heard = self.since_retired(deleted);
        if deleted.broker_gone {
            return self.remove(deleted).await;
        }
        if heard < HEARD_AFTER {
            return Ok(End::Waits(HEARD_AFTER - heard));
        }
        // Who begins to look when the time is over looks all the same.
        let is_over = heard >= LOOKED && self.since_deleted(deleted.pipeline) >= within;
        let why = match self.why_not_drained(deleted, report).await {
            Ok(None) => return self.remove(deleted).await,
            Ok(Some(why)) => why,
            // Whatever is in the way then, it is kept. Unless another one knows better.
            Err(failure) if is_over && !failure.is_anothers() => chain(&failure).to_string(),
            Err(failure) => return Err(failure),
        };
        if is_over {
            self.forget(deleted);
            return Ok(End::Gone(Kept::TimedOut(why)));
        }
        report.leaving = Some(leaving(deleted.pipeline, within, Some(&why)));
        Ok(End::Waits(LOOK))
    }

    /// Closes the queue and takes a look. `None`: it is empty for good.
    async fn why_not_drained(
        &self,
        deleted: &Deleted<'_>,
        report: &mut Report,
    ) -> Result<Option<String>, Failure> {
        if deleted.row.stage == QueueStage::Open {
            self.write(deleted, QueueStage::Closed).await?;
        }
        let synced = queues::ensure_drain(&self.cx, &deleted.broker, &deleted.name).await?;
        report.synced = Some(synced.clone());
        self.tell_drift(deleted).await;
        // Somebody may have taken them away, or their password.
        self.make_workers(deleted).await?;
        Ok(match synced {
            Synced::Whole => self.why_not_empty(deleted).await,
            Synced::Not { message, .. } | Synced::Conflict { message } => Some(message),
        })
    }

    /// It never had the queue of its name, which is another's: so said its status before it was deleted, and so it is still.
    async fn never_had_it(&self, deleted: &Deleted<'_>) -> Result<bool, Failure> {
        let said = |kind| {
            let status = deleted.pipeline.status.as_ref();
            let condition = status.and_then(|status| condition::find(&status.conditions, kind));
            condition.map_or("", |condition| condition.reason.as_str())
        };
        let row = deleted.row;
        if !row.record.retired
            || row.stage != QueueStage::Open
            || said(condition::TOPOLOGY_SYNCED) != "OwnershipConflict"
            || said(condition::READY) == "Draining"
        {
            return Ok(false);
        }
        let queue = deleted.queue();
        let foreign = self.cx.topology.is_foreign(&queue).await;
        foreign.map_err(|error| Failure::broker(format!("see whose queue {queue} is"), error))
    }

    /// What drains it: one that was deleted before it took events has no workers yet, and somebody may delete them.
    async fn make_workers(&self, deleted: &Deleted<'_>) -> Result<(), Failure> {
        let (cx, tenant) = (&self.cx, &deleted.broker.tenant);
        let spec = &deleted.pipeline.spec.worker;
        workers::reader(cx, tenant, &deleted.name).await?;
        let kept_up = workers::keep_up(cx, tenant, &deleted.name, Some(spec)).await;
        kept_up.map(drop)
    }

    async fn tell_drift(&self, deleted: &Deleted<'_>) {
        for told in self.drift(&deleted.broker.tenant, &deleted.name) {
            self.publish(deleted.pipeline, &told).await;
        }
    }

    /// One look at a queue that nothing comes into any more. `None`: it is empty for good.
    async fn why_not_empty(&self, deleted: &Deleted<'_>) -> Option<String> {
        let queue = deleted.queue();
        // Whoever cannot say what it holds may hold something.
        let held = self.cx.topology.held(&queue).await;
        let depths = self.cx.depths.depths(std::slice::from_ref(&queue)).await;
        // Afterwards: what a worker took before is in what it says now.
        let beats = self.cx.store.beats().await;
        let now = self.cx.clock.monotonic_ms();
        let mut drains = self.drains();
        let Some(drain) = drains.get_mut(&deleted.stamp.uid) else {
            return Some("it is looked at from the beginning".to_owned());
        };
        let nothing = drain
            .emptiness
            .holds(held.as_ref().copied().unwrap_or(None), now);
        let seen = match (depths.first(), beats) {
            (Some(Ok(depth)), Ok(beats)) => {
                let alive = drain.liveness.alive(beats, now);
                let of_queue = |beat| -> Option<Drainer<'_>> {
                    let beat: &sendry_domain::beat::Beat = beat;
                    let found = beat.queues.iter().find(|of| of.queue() == queue)?;
                    Some((beat, found))
                };
                let drainers: Vec<Drainer<'_>> = alive.iter().filter_map(of_queue).collect();
                let seen = drain.emptiness.look(depth, &drainers);
                seen.map_err(|why| why.to_string())
            }
            (depth, beats) => {
                drain.emptiness.unknown();
                Err(match (depth, beats) {
                    (_, Err(error)) => {
                        format!("nobody knows what its workers hold: {}", chain(&error))
                    }
                    (Some(Err(error)), _) => format!("it cannot be asked: {}", chain(error)),
                    _ => "it cannot be asked".to_owned(),
                })
            }
        };
        seen.err().or_else(|| match (held, nothing) {
            (Err(error), _) => Some(format!(
                "the broker does not say how much it holds: {}",
                chain(&error)
            )),
            (Ok(_), nothing) => nothing.err().map(|why| why.to_string()),
        })
    }

    /// All of it goes: workers, queue, user, policy, settings.
    async fn remove(&self, deleted: &Deleted<'_>) -> Result<End, Failure> {
        let (cx, tenant) = (&self.cx, &deleted.broker.tenant);
        // Written first: from now on nobody makes its queue or its user again.
        self.write(deleted, QueueStage::Leaving).await?;
        self.ports.followers.leave(deleted.key);
        workers::remove(cx, tenant, &deleted.name).await?;
        if !deleted.broker_gone {
            self.remove_queue(deleted).await?;
        }
        apply::no_row(cx, &deleted.stamp, deleted.row).await?;
        self.forget(deleted);
        Ok(End::Gone(Kept::Drained))
    }

    async fn remove_queue(&self, deleted: &Deleted<'_>) -> Result<(), Failure> {
        let (topology, queue) = (&self.cx.topology, deleted.queue());
        let _turn = topology.turn(&deleted.broker.tenant).await;
        let rest = queues::wanted(&self.cx, &deleted.broker).await?;
        // Not before everybody who makes queues knows that it is not wanted.
        if let Synced::Not { reason, message } = topology.ensure(rest).await
            && UNKNOWING.contains(&reason)
        {
            return Err(Failure::broker(format!("remove queue {queue}"), message));
        }
        let removed = topology.remove(self.ports.holds.as_ref(), &queue).await;
        match removed {
            Ok(Removed::Gone) => Ok(()),
            // Not ours, so not ours to remove.
            Ok(Removed::Left { message }) => {
                tracing::warn!(%queue, %message, "left on the broker what is not ours");
                Ok(())
            }
            Err(error) => Err(Failure::broker(format!("remove queue {queue}"), error)),
        }
    }

    /// Nothing is sent there any more, and the queue stands so.
    async fn write(&self, deleted: &Deleted<'_>, stage: QueueStage) -> Result<(), Failure> {
        let row = deleted.row;
        let wanted = ManagedPipeline {
            record: PipelineRecord {
                retired: true,
                ..row.record.clone()
            },
            stage,
            stamp: None,
            ..row.clone()
        };
        apply::row(&self.cx, &deleted.stamp, &wanted, Some(row)).await
    }

    /// How long the settings have been seen to send nothing there.
    fn since_retired(&self, deleted: &Deleted<'_>) -> Duration {
        let now = self.cx.clock.monotonic_ms();
        let mut drains = self.drains();
        let drain = drains.entry(deleted.stamp.uid).or_insert_with(|| Draining {
            since: now,
            emptiness: Emptiness::default(),
            liveness: Liveness::default(),
        });
        Duration::from_millis(now.saturating_sub(drain.since))
    }

    fn forget(&self, deleted: &Deleted<'_>) {
        self.drains().remove(&deleted.stamp.uid);
    }

    fn since_deleted(&self, pipeline: &SendryPipeline) -> Duration {
        let at = pipeline.metadata.deletion_timestamp.as_ref();
        let at = at.map_or(0, |at| at.0.as_millisecond());
        let since = self.cx.clock.now_ms().saturating_sub(at).max(0);
        Duration::from_millis(since.unsigned_abs())
    }
}

impl Deleted<'_> {
    fn queue(&self) -> QueueName {
        let tenant: &TenantId = &self.broker.tenant;
        QueueName::Pipeline(tenant.clone(), self.name.clone())
    }
}

/// How long a drain may take. What cannot be read is no reason to delete sooner, or to wait for ever.
fn within(pipeline: &SendryPipeline) -> Duration {
    let said = pipeline.annotations().get(names::DRAIN_TIMEOUT_ANNOTATION);
    let said = said.and_then(|said| u64::try_from(quantity::millis(said)?).ok());
    said.map_or(DRAIN_WITHIN, Duration::from_millis)
}

/// `seen` is why it is not known to be empty yet.
fn leaving(pipeline: &SendryPipeline, within: Duration, seen: Option<&str>) -> Invalid {
    let at = pipeline.metadata.deletion_timestamp.as_ref();
    let until = at.and_then(|at| {
        let within = SignedDuration::try_from(within).ok()?;
        at.0.checked_add(within).ok()
    });
    let until = until.unwrap_or(Timestamp::MAX);
    Invalid {
        reason: "Draining",
        message: format!(
            "it takes no new events, and its workers empty the queue; what is not drained until {until} is kept{}",
            seen.map(|why| format!(". At the last look: {why}"))
                .unwrap_or_default()
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_drain_has_an_hour_or_what_the_annotation_says() {
        let within = |said: Option<&str>| {
            let mut pipeline =
                SendryPipeline::new("shop", serde_json::from_value(json!({})).unwrap());
            let said =
                said.map(|said| (names::DRAIN_TIMEOUT_ANNOTATION.to_owned(), said.to_owned()));
            pipeline.metadata.annotations = Some(said.into_iter().collect());
            super::within(&pipeline)
        };
        assert_eq!(within(None), DRAIN_WITHIN);
        assert_eq!(within(Some("90s")), Duration::from_secs(90));
        assert_eq!(within(Some("0s")), Duration::ZERO);
        assert_eq!(within(Some("soon")), DRAIN_WITHIN);
    }
}
