//! Which tenants there are, held in memory: every request asks, and settings change rarely.

use std::sync::Arc;

use sendry_domain::id::{PipelineName, TenantId};
use sendry_runtime::clock::Clock;
use sendry_store::{ControlSnapshot, ControlStore, StoreError};
use tokio::sync::Mutex;

use crate::error::ApiError;

/// How long a snapshot is trusted unasked, in milliseconds.
const TRUSTED: u64 = 1_000;

/// The settings, asked for at most once a second and read again only when their version has moved.
pub(crate) struct Tenants {
    control: Arc<dyn ControlStore>,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<Held>>,
}

struct Held {
    snapshot: Arc<ControlSnapshot>,
    asked_ms: u64,
}

/// A tenant that exists.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// Its name.
    pub(crate) id: TenantId,
    /// The pipelines its events may wait in.
    pub(crate) pipelines: Vec<PipelineName>,
}

impl Tenants {
    pub(crate) fn new(control: Arc<dyn ControlStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            control,
            clock,
            held: Mutex::new(None),
        }
    }

    /// The settings as of at most a second ago. One request asks, the others wait for it.
    pub(crate) async fn snapshot(&self) -> Result<Arc<ControlSnapshot>, StoreError> {
        let mut held = self.held.lock().await;
        let now = self.clock.monotonic_ms();
        if let Some(held) = held.as_mut() {
            if now.saturating_sub(held.asked_ms) < TRUSTED {
                return Ok(held.snapshot.clone());
            }
            if self.control.version().await? == held.snapshot.version {
                held.asked_ms = now;
                return Ok(held.snapshot.clone());
            }
        }
        let snapshot = Arc::new(self.control.snapshot().await?);
        *held = Some(Held {
            snapshot: snapshot.clone(),
            asked_ms: now,
        });
        Ok(snapshot)
    }

    /// The tenant of that name.
    pub(crate) async fn find(&self, name: &str) -> Result<Tenant, ApiError> {
        let snapshot = self.snapshot().await?;
        let tenant = snapshot.tenants.iter().find(|t| t.id.as_str() == name);
        let Some(tenant) = tenant else {
            let shown = name.chars().take(64).collect();
            return Err(ApiError::UnknownTenant(shown));
        };
        let own = snapshot.pipelines.iter().filter(|p| p.tenant == tenant.id);
        let mut pipelines: Vec<_> = own.map(|p| p.name.clone()).collect();
        // Where events go that no pipeline asks for.
        let fallback = PipelineName::fallback();
        if !pipelines.contains(&fallback) {
            pipelines.push(fallback);
        }
        Ok(Tenant {
            id: tenant.id.clone(),
            pipelines,
        })
    }
}
