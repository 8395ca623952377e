//! A pipeline that gets nothing new just now: another one has its pattern, its spec cannot be read, its tenant is not set
//! up, its queue is not in effect.
//!
//! **Guarantee.** What it has goes on: what waits in its queue is worked off by workers that are made again, healed and
//! brought up to date as any pipeline's, and what stands is said. What is another's is left alone.

use std::sync::Arc;

use kube::ResourceExt;
use sendry_crds::SendryPipeline;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_store::{ManagedPipeline, PipelineRecord, QueueStage};
use uuid::Uuid;

use super::{
    Done, PipelineReconciler,
    dereference::{Whose, World},
    validate::{broker, is_set_up},
};
use crate::{
    error::Failure,
    tenant::{queues, told::Told},
    topology::Synced,
    workers,
};

impl PipelineReconciler {
    /// What it has stays as it should be; `retired` = it takes no new events.
    pub(super) async fn hold(
        &self,
        key: &str,
        pipeline: &Arc<SendryPipeline>,
        world: &World,
        retired: bool,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let Some(row) = self.follow_held(key, pipeline, world, retired) else {
            return Ok(());
        };
        let PipelineRecord { tenant, name, .. } = &row.record;
        // At once: whatever fails below, what is seen is said.
        done.report.workers = Some(self.seen(tenant, name, 0));
        if let Whose::Tenant(of) = &world.tenant
            && is_set_up(of, world)
            && let Some(broker) = broker(of)
            && done.report.synced.is_none()
        {
            let synced = queues::ensure_queue(&self.cx, &broker, name).await?;
            done.report.synced = Some(synced);
            done.told.extend(self.drift(tenant, name));
        }
        let look = done.report.workers.as_ref().and_then(|w| w.look.as_ref());
        // One whose queue was never in effect has none, and there would be nothing for them to drain.
        let has_a_queue = !row.record.retired || done.report.synced == Some(Synced::Whole);
        if look.is_some() || has_a_queue {
            workers::reader(&self.cx, tenant, name).await?;
            workers::keep_up(&self.cx, tenant, name, Some(&pipeline.spec.worker)).await?;
        }
        Ok(())
    }

    /// Has its workers followed, whoever it is that the queue of its name belongs to. Returns the row that is its own.
    pub(super) fn follow_held<'a>(
        &self,
        key: &str,
        pipeline: &Arc<SendryPipeline>,
        world: &'a World,
        retired: bool,
    ) -> Option<&'a ManagedPipeline> {
        let (followers, name) = (&self.ports.followers, pipeline.name_any());
        if matches!(world.tenant, Whose::Nobodys) {
            followers.keep(key, pipeline);
            return None;
        }
        let has_a_queue = |row: &&ManagedPipeline| {
            row.record.name.as_str() == name
                && row.stamp.is_some()
                && row.stage != QueueStage::Leaving
        };
        let row = world.rows.iter().find(has_a_queue)?;
        let uid: Option<Uuid> = pipeline.uid().and_then(|uid| uid.parse().ok());
        let PipelineRecord { tenant, name, .. } = &row.record;
        if row.stamp.map(|stamp| stamp.uid) != uid {
            followers.keep_row(row);
            return None;
        }
        if (retired || row.record.retired) && !pipeline.spec.suspend {
            followers.drain(key, tenant, name, pipeline);
        } else {
            followers.follow(key, tenant, name, pipeline);
        }
        Some(row)
    }

    /// What somebody changed of its queue behind us, for Events.
    pub(super) fn drift(&self, tenant: &TenantId, name: &PipelineName) -> Vec<Told> {
        let queue = QueueName::Pipeline(tenant.clone(), name.clone()).to_string();
        let repairs = self.cx.topology.take_drift(tenant, |about| about == queue);
        let told = repairs.iter().map(|repair| {
            let note = format!("somebody changed the broker behind us; done again: {repair}");
            Told::warning("DriftRepaired", note)
        });
        told.collect()
    }
}
