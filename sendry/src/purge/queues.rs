//! What a tenant has in the queue.

mod broker;
mod file;

use std::time::Duration;

use async_trait::async_trait;
use sendry_domain::id::TenantId;

pub use self::{broker::Broker, file::File};

/// Something of a tenant in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `queue`, `policy` or `user`.
    pub kind: &'static str,
    /// As the queue calls it.
    pub name: String,
    /// Messages in it; `None` where it holds none, or does not tell.
    pub messages: Option<u64>,
}

/// The queue, as far as tenants are to be removed from it.
#[async_trait]
pub trait TenantQueues: Send + Sync {
    /// What the tenant has, and nothing of any other; `Err` of the reason where nobody looked.
    async fn look(&self, tenant: &TenantId) -> anyhow::Result<Result<Vec<Found>, String>>;

    /// Removes all of it, with the messages. Again, it removes nothing.
    async fn remove(&self, tenant: &TenantId) -> anyhow::Result<()>;

    /// How long somebody who has not heard yet that the tenant is gone may make its queues again.
    fn made_again_within(&self) -> Duration {
        Duration::ZERO
    }
}

/// Where nobody looks, for the reason it says.
pub struct NoQueues(pub &'static str);

#[async_trait]
impl TenantQueues for NoQueues {
    async fn look(&self, _: &TenantId) -> anyhow::Result<Result<Vec<Found>, String>> {
        Ok(Err(self.0.to_owned()))
    }

    async fn remove(&self, _: &TenantId) -> anyhow::Result<()> {
        Ok(())
    }
}
