//! What stands: Deployments and Pods of the operator's namespace, by their labels.

use std::sync::Arc;

use kube::Client;
use sendry_domain::id::{PipelineName, TenantId};
use sendry_runtime::health::Health;

use super::Availability;
use crate::metrics::OperatorMetrics;

/// The workers of one pipeline, as the cluster shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The name of the Deployment.
    pub deployment: String,
    /// How many there should be.
    pub wanted: u32,
    /// How many there are.
    pub there: u32,
    /// How many of them are ready.
    pub ready: u32,
    /// Whether more can be had.
    pub available: Availability,
}

/// What the watches show. Clones are the same.
///
/// It may lag behind and it may lack what is there, so nothing is deleted because it is not in it.
#[derive(Clone, Debug, Default)]
pub struct WorkersWatch {
    inner: Arc<()>,
}

impl WorkersWatch {
    /// Follows them until dropped. `changed` is told whenever [`Self::look`] would say something else of a pipeline.
    pub async fn run(
        &self,
        client: Client,
        namespace: &str,
        health: &Health,
        metrics: OperatorMetrics,
        changed: impl Fn(&TenantId, &PipelineName) + Send + Sync,
    ) {
        let _ = (&self.inner, client, namespace, health, metrics, changed);
        std::future::pending().await
    }

    /// What is known of one pipeline's workers; `None` = no Deployment is known.
    #[must_use]
    pub fn look(&self, tenant: &TenantId, pipeline: &PipelineName) -> Option<Look> {
        let _ = (tenant, pipeline);
        None
    }

    /// Whether the first lists have come.
    #[must_use]
    pub fn ready(&self) -> bool {
        false
    }
}
