//! How much of a tenant still waits to be counted.

use std::time::Duration;

use sendry_domain::{routing::QueueName, time::UnixMillis};
use sendry_queue::{Depth, EventQueue};
use sendry_runtime::error_chain::chain;

use crate::{
    tenants::Tenant,
    views::{ParkedDepth, QueueDepth},
};

/// A queue that does not answer must not hold the numbers up.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the queues of a tenant said; `None` is unknown, which is never zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// All pipelines together.
    pipelines: Option<Depth>,
    /// The queue of last resort.
    parked: Option<Depth>,
    /// Just before they were asked.
    asked_at: UnixMillis,
}

impl Waiting {
    /// Asks all queues of `tenant`.
    pub(crate) async fn ask(queue: &dyn EventQueue, tenant: &Tenant, now: UnixMillis) -> Self {
        let mut pipelines = Some(Depth {
            ready: 0,
            unacknowledged: 0,
            oldest: None,
        });
        for name in &tenant.pipelines {
            let name = QueueName::Pipeline(tenant.id.clone(), name.clone());
            pipelines = match (pipelines, depth(queue, &name).await) {
                (Some(sum), Some(one)) => Some(together(sum, one)),
                _ => None,
            };
            if pipelines.is_none() {
                break;
            }
        }
        let parked = depth(queue, &QueueName::Parked(tenant.id.clone())).await;
        Self {
            pipelines,
            parked,
            asked_at: now,
        }
    }

    /// Everything accepted before this time is counted in what is read from the store **afterwards**.
    pub(crate) fn complete_through(&self) -> Option<UnixMillis> {
        let all = together(self.pipelines?, self.parked?);
        Some(all.oldest.map_or(self.asked_at, |at| at.min(self.asked_at)))
    }

    /// What waits in the pipelines' queues.
    pub(crate) fn queue(&self) -> Option<QueueDepth> {
        let depth = self.pipelines?;
        Some(QueueDepth {
            ready: depth.ready,
            unacknowledged: depth.unacknowledged,
            oldest_age_ms: depth.oldest.map(|at| self.asked_at.since(at).max(0)),
        })
    }

    /// What waits in the queue of last resort.
    pub(crate) fn parked(&self) -> Option<ParkedDepth> {
        let ready = self.parked?.ready;
        Some(ParkedDepth { ready })
    }
}

async fn depth(queue: &dyn EventQueue, name: &QueueName) -> Option<Depth> {
    match tokio::time::timeout(PATIENCE, queue.depth(name)).await {
        Ok(Ok(depth)) => Some(depth),
        Ok(Err(error)) => {
            tracing::debug!(error = %chain(&error), queue.name = %name, "queue depth unknown");
            None
        }
        Err(_) => {
            tracing::debug!(queue.name = %name, "queue depth unknown: no answer");
            None
        }
    }
}

fn together(a: Depth, b: Depth) -> Depth {
    Depth {
        ready: a.ready + b.ready,
        unacknowledged: a.unacknowledged + b.unacknowledged,
        oldest: a.oldest.into_iter().chain(b.oldest).min(),
    }
}
