//! Declaring the broker's topology, where no operator does it.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_queue::{
    adapters::{amqp::AmqpQueue, rabbitmq_management::RabbitManagement},
    topology::{Check, Limits, Pass, TenantQueues, Topology, desired, reconcile_all},
};
use sendry_store::ControlSnapshot;

use crate::fleet::{ProvideError, ProvideQueues, queues_of};

/// Who declares it, in the names of policies. An operator writes its cluster's id instead.
const OWNER: &str = "sendry";

/// RabbitMQ, declared by this process.
pub struct Broker {
    queue: Arc<AmqpQueue>,
    management: Option<RabbitManagement>,
    limits: Limits,
}

impl Broker {
    /// With the management API limits are policies, which may be changed; without, they are arguments of the queues.
    #[must_use]
    pub fn new(
        queue: Arc<AmqpQueue>,
        management: Option<RabbitManagement>,
        limits: Limits,
    ) -> Self {
        Self {
            queue,
            management,
            limits,
        }
    }

    fn topology(&self, control: &ControlSnapshot) -> Topology {
        let mut tenants: BTreeMap<TenantId, Vec<PipelineName>> = BTreeMap::new();
        for queue in queues_of(control) {
            let pipelines = tenants.entry(queue.tenant().clone()).or_default();
            if let QueueName::Pipeline(_, pipeline) = queue {
                pipelines.push(pipeline);
            }
        }
        let of = |(tenant, pipelines)| TenantQueues::new(tenant, pipelines, self.limits);
        let tenants: Vec<_> = tenants.into_iter().map(of).collect();
        desired(OWNER, &tenants)
    }
}

#[async_trait]
impl ProvideQueues for Broker {
    async fn provide(&self, control: &ControlSnapshot) -> Result<(), ProvideError> {
        let topology = self.topology(control);
        match &self.management {
            Some(management) => told(reconcile_all(management, &topology).await?),
            None => Ok(self.queue.declare(&topology).await?),
        }
    }
}

/// Tells of what a pass could not settle. An error when anything failed: what did not is done all the same.
fn told(pass: Pass) -> Result<(), ProvideError> {
    for conflict in &pass.conflicts {
        tracing::error!(%conflict, "the broker is not as it should be, and only a person can settle it");
    }
    if let Check::Outstanding(left) = &pass.check {
        let (repairs, waiting) = (left.repairs.len(), left.waiting.len());
        tracing::warn!(
            repairs,
            waiting,
            "what was repaired on the broker is not in effect yet, will look again"
        );
    }
    let mut failed = pass.failed.into_iter();
    match (failed.next(), pass.check) {
        (Some(first), _) => Err(first.error.into()),
        (None, Check::Failed(error)) => Err(error.into()),
        (None, _) => Ok(()),
    }
}
