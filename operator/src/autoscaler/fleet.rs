//! Whose workers are followed, as the cluster shows it.

use std::sync::Arc;

use sendry_crds::SendryPipeline;
use sendry_domain::id::TenantId;

/// A pipeline whose workers are followed: one that can be read, has its pattern for itself, and has a queue.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Whose it is.
    pub tenant: TenantId,
    /// The pipeline.
    pub pipeline: Arc<SendryPipeline>,
    /// What the tenant's pipelines may have together, its `limits.maxWorkers`.
    pub max_workers: Option<u32>,
    /// It was deleted, and its queue is not empty or stays: at least one worker stays too.
    pub draining: bool,
    /// It was deleted and kept: its resource is gone, or about to be. Its workers are scaled; there is nobody to tell.
    pub kept: bool,
    /// `None` while there is no Deployment.
    pub workers: Option<Workers>,
}

/// A pipeline's Deployment, in the operator's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Its name.
    pub deployment: String,
    /// Its uid: one that was made again has another, and a number of its own.
    pub uid: String,
    /// Workers asked for, `spec.replicas`.
    pub wanted: u32,
    /// Workers there are, `status.replicas`.
    pub there: u32,
    /// Workers that are ready, `status.readyReplicas`.
    pub ready: u32,
}

/// Who knows whose workers are followed.
pub trait Fleet: Send + Sync {
    /// All of them, in any order, without asking anybody.
    fn followed(&self) -> Vec<Followed>;
}
