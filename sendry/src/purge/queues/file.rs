//! The queue of a laptop: messages are taken and acked, through the queue's own port.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use sendry_domain::{id::TenantId, routing::QueueName};
use sendry_queue::{
    EventQueue,
    adapters::sqlite::{Options, SqliteQueue},
};
use sendry_store::ControlStore;

use super::{Found, TenantQueues};

/// Events taken at once.
const TAKEN: u32 = 50_000;

/// A queue file, whose queues are the pipelines' in the settings.
pub struct File {
    queue: SqliteQueue,
    control: Arc<dyn ControlStore>,
}

impl File {
    /// The file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path, control: Arc<dyn ControlStore>) -> anyhow::Result<Self> {
        let queue = SqliteQueue::open(path, Options::default());
        let queue = queue.with_context(|| format!("failed to open `{}`", path.display()))?;
        Ok(Self { queue, control })
    }

    async fn names(&self, tenant: &TenantId) -> anyhow::Result<Vec<QueueName>> {
        let pipelines = self.control.snapshot().await?.pipelines;
        let own = pipelines.into_iter().filter(|p| p.tenant == *tenant);
        let mut names: Vec<_> = own.map(|p| QueueName::Pipeline(p.tenant, p.name)).collect();
        names.push(QueueName::Parked(tenant.clone()));
        Ok(names)
    }
}

#[async_trait]
impl TenantQueues for File {
    async fn look(&self, tenant: &TenantId) -> anyhow::Result<Result<Vec<Found>, String>> {
        let mut found = Vec::new();
        for name in self.names(tenant).await? {
            let ready = self.queue.depth(&name).await?.ready;
            found.push(Found {
                kind: "queue",
                name: name.to_string(),
                messages: Some(ready),
            });
        }
        Ok(Ok(found))
    }

    async fn remove(&self, tenant: &TenantId) -> anyhow::Result<()> {
        for name in self.names(tenant).await? {
            let mut consumer = self.queue.consume(&name).await?;
            loop {
                let taken = consumer.next(TAKEN, Duration::ZERO).await?;
                if taken.is_empty() {
                    break;
                }
                let tags: Vec<_> = taken.iter().map(|delivery| delivery.tag).collect();
                consumer.ack(&tags).await?;
            }
        }
        Ok(())
    }
}
