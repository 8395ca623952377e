//! What every route works with.

use std::{fmt, sync::Arc};

use sendry_domain::time::UnixMillis;
use sendry_queue::EventQueue;
use sendry_runtime::clock::Clock;
use sendry_store::{ControlStore, MetricStore, RawEventStore};

use crate::{Access, RequestMetrics, heads::Heads, tenants::Tenants};

/// What the API is put together from.
#[derive(Clone)]
pub struct Analytics {
    /// Counts, and dead letters.
    pub metrics: Arc<dyn MetricStore>,
    /// Tenants and pipelines.
    pub control: Arc<dyn ControlStore>,
    /// Where the raw event of a replayed dead letter goes.
    pub raw: Arc<dyn RawEventStore>,
    /// Asked how much waits.
    pub queue: Arc<dyn EventQueue>,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// Who may ask.
    pub access: Access,
    /// What Prometheus learns; [`RequestMetrics::register`].
    pub telemetry: RequestMetrics,
}

impl fmt::Debug for Analytics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analytics")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// [`Analytics`] and what it holds in memory.
pub(crate) struct App {
    pub(crate) metrics: Arc<dyn MetricStore>,
    pub(crate) raw: Arc<dyn RawEventStore>,
    pub(crate) queue: Arc<dyn EventQueue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tenants: Tenants,
    pub(crate) control: Arc<dyn ControlStore>,
    pub(crate) heads: Heads,
}

impl App {
    pub(crate) fn new(analytics: Analytics) -> Self {
        let Analytics {
            metrics,
            control,
            raw,
            queue,
            clock,
            access: _,
            telemetry: _,
        } = analytics;
        Self {
            metrics,
            raw,
            queue,
            tenants: Tenants::new(control.clone(), clock.clone()),
            control,
            heads: Heads::default(),
            clock,
        }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        UnixMillis(self.clock.now_ms())
    }
}
