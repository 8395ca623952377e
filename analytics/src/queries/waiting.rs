//! How much of a tenant still waits to be counted.

use std::time::Duration;

use sendry_domain::{ledger::OldestHead, routing::QueueName, time::UnixMillis};
use sendry_queue::Depth;
use sendry_runtime::error_chain::chain;

use crate::{
    app::App,
    tenants::Tenant,
    views::{ParkedDepth, QueueDepth},
};

/// A queue that does not answer must not hold the numbers up.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the queues of a tenant said, completed by what their workers say; `None` is unknown, which is never zero.
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
    pub(crate) async fn ask(app: &App, tenant: &Tenant, now: UnixMillis) -> Self {
        let mut pipelines = Some(Depth {
            ready: 0,
            unacknowledged: Some(0),
            consumers: None,
            oldest: OldestHead::Empty,
        });
        for name in &tenant.pipelines {
            let name = QueueName::Pipeline(tenant.id.clone(), name.clone());
            pipelines = match (pipelines, depth(app, &name).await) {
                (Some(sum), Some(one)) => Some(together(sum, one)),
                _ => None,
            };
            if pipelines.is_none() {
                break;
            }
        }
        let parked = depth(app, &QueueName::Parked(tenant.id.clone())).await;
        Self {
            pipelines,
            parked,
            asked_at: now,
        }
    }

    /// Everything accepted before this time is counted in what is read from the store **afterwards**.
    pub(crate) fn complete_through(&self) -> Option<UnixMillis> {
        match together(self.pipelines?, self.parked?).oldest {
            OldestHead::Empty => Some(self.asked_at),
            OldestHead::AcceptedAt(at) => Some(at.min(self.asked_at)),
            OldestHead::Unknown => None,
        }
    }

    /// What waits in the pipelines' queues.
    pub(crate) fn queue(&self) -> Option<QueueDepth> {
        let depth = self.pipelines?;
        let oldest_age_ms = match depth.oldest {
            OldestHead::AcceptedAt(at) => Some(self.asked_at.since(at).max(0)),
            OldestHead::Empty | OldestHead::Unknown => None,
        };
        Some(QueueDepth {
            ready: depth.ready,
            unacknowledged: depth.unacknowledged,
            oldest_age_ms,
        })
    }

    /// What waits in the queue of last resort.
    pub(crate) fn parked(&self) -> Option<ParkedDepth> {
        let ready = self.parked?.ready;
        Some(ParkedDepth { ready })
    }
}

async fn depth(app: &App, name: &QueueName) -> Option<Depth> {
    let asked_at = app.now();
    match tokio::time::timeout(PATIENCE, app.queue.depth(name)).await {
        Ok(Ok(depth)) if depth.oldest != OldestHead::Unknown => Some(depth),
        Ok(Ok(depth)) => Some(app.heads.look(app, name, asked_at, depth).await),
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
        unacknowledged: a.unacknowledged.zip(b.unacknowledged).map(|(a, b)| a + b),
        consumers: None,
        oldest: a.oldest.older(b.oldest),
    }
}
