//! What should stand, as values. Pure.

use sendry_store::{ManagedPipeline, PipelineRecord, QueueStage, Stamp};

use super::validate::Valid;
use crate::workers::Wanted;

/// With which every write of the pipeline is signed.
#[must_use]
pub fn stamp(valid: &Valid, epoch: u64) -> Stamp {
    Stamp {
        epoch,
        uid: valid.uid,
        generation: valid.generation,
    }
}

/// What ingest obeys, and what the queue needs; `routed` = ingest sends events there.
#[must_use]
pub fn row(valid: &Valid, routed: bool) -> ManagedPipeline {
    let record = PipelineRecord {
        tenant: valid.broker.tenant.clone(),
        name: valid.name.clone(),
        services: valid.services.clone(),
        environments: valid.environments.clone(),
        created_at: valid.created_at,
        retired: !routed,
    };
    ManagedPipeline {
        stage: QueueStage::Open,
        max_bytes: valid.max_bytes,
        delivery_limit: valid.delivery_limit,
        ..ManagedPipeline::of_people(record)
    }
}

/// What its workers should be.
#[must_use]
pub fn workers(valid: &Valid) -> Wanted {
    Wanted {
        tenant: valid.broker.tenant.clone(),
        pipeline: valid.name.clone(),
        spec: valid.worker.clone(),
    }
}
