//! What the operator tells Prometheus.
//!
//! Labels are bounded: kinds, verbs, categories; never a tenant's name, but for what
//! [`autoscaler::metrics`](crate::autoscaler::metrics) says of each pipeline.

mod expiry;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use sendry_runtime::metrics::duration_histogram;

pub use expiry::KeyExpiry;

use crate::autoscaler::metrics::ScalingMetrics;

/// A write to the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Write {
    /// `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// The resource, such as `secrets` or `sendrytenants/status`.
    pub resource: String,
}

/// How a pass ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PassResult {
    /// `at_rest`, `later`, a [`crate::error::Category`]'s label, `panicked` or `too_long`.
    pub result: &'static str,
}

/// Where names wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Waiting {
    /// `tenants` or `pipelines`.
    pub kind: &'static str,
    /// `change`, `resync`, `later` or `working`.
    pub lane: &'static str,
}

/// A kind of object or of thing on the broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kind {
    /// Such as `queue`, `binding`, `policy`; or `tenants`, `secrets`.
    pub kind: &'static str,
}

/// Why something was done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Cause {
    /// `rotation`, `secret_lost`, `secret_damaged`.
    pub cause: &'static str,
}

/// Handles of the operator's metrics; clones are the same metrics.
#[derive(Clone, Debug)]
pub struct OperatorMetrics {
    /// A pass.
    pub pass: Histogram,
    /// How passes ended.
    pub results: Family<PassResult, Counter>,
    /// How many names wait.
    pub depth: Family<Waiting, Gauge>,
    /// 1 while this process leads.
    pub leader: Gauge,
    /// Writes to the API server; the lease's are not among them.
    pub writes: Family<Write, Counter>,
    /// Writes that were not made, or not waited for, because this process did not lead any more.
    pub writes_refused: Counter,
    /// Readable tenants in the cache.
    pub tenants: Gauge,
    /// Readable pipelines in the cache.
    pub pipelines: Gauge,
    /// Objects that could not be read.
    pub unreadable: Family<Kind, Gauge>,
    /// Watches that broke.
    pub watch_failures: Family<Kind, Counter>,
    /// Events that could not be told.
    pub events_lost: Counter,
    /// A look at the whole broker, with its repairs.
    pub topology: Histogram,
    /// What was found changed on the broker, or in the cluster, and repaired.
    pub drift_repairs: Family<Kind, Counter>,
    /// API keys that took another's place.
    pub rotations: Family<Cause, Counter>,
    /// When the next API key that nothing replaces expires.
    pub key_expiry: KeyExpiry,
    /// What the autoscaler sees and does.
    pub scaling: ScalingMetrics,
}

impl Default for OperatorMetrics {
    /// Counted, and scraped by nobody.
    fn default() -> Self {
        Self {
            pass: duration_histogram(),
            results: Family::default(),
            depth: Family::default(),
            leader: Gauge::default(),
            writes: Family::default(),
            writes_refused: Counter::default(),
            tenants: Gauge::default(),
            pipelines: Gauge::default(),
            unreadable: Family::default(),
            watch_failures: Family::default(),
            events_lost: Counter::default(),
            topology: duration_histogram(),
            drift_repairs: Family::default(),
            rotations: Family::default(),
            key_expiry: KeyExpiry::default(),
            scaling: ScalingMetrics::default(),
        }
    }
}

impl OperatorMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self {
            pass,
            results,
            depth,
            leader,
            writes,
            writes_refused,
            tenants,
            pipelines,
            unreadable,
            watch_failures,
            events_lost,
            topology,
            drift_repairs,
            rotations,
            key_expiry,
            scaling,
        } = metrics.clone();
        registry.register_with_unit(
            "sendry_operator_reconcile",
            "A pass over one resource",
            Unit::Seconds,
            pass,
        );
        registry.register(
            "sendry_operator_reconciles",
            "Passes by how they ended",
            results,
        );
        registry.register(
            "sendry_operator_queue_depth",
            "Resources that wait for a pass",
            depth,
        );
        registry.register(
            "sendry_operator_leader",
            "1 while this process leads",
            leader,
        );
        registry.register("sendry_operator_writes", "Writes to the API server", writes);
        registry.register(
            "sendry_operator_writes_refused",
            "Writes that were not made, or not waited for, because another may lead",
            writes_refused,
        );
        registry.register(
            "sendry_operator_tenants",
            "Tenants that can be read",
            tenants,
        );
        registry.register(
            "sendry_operator_pipelines",
            "Pipelines that can be read",
            pipelines,
        );
        registry.register(
            "sendry_operator_unreadable",
            "Resources that cannot be read",
            unreadable,
        );
        registry.register(
            "sendry_operator_watch_failures",
            "Watches that broke",
            watch_failures,
        );
        registry.register(
            "sendry_operator_events_lost",
            "Events that could not be told",
            events_lost,
        );
        registry.register_with_unit(
            "sendry_operator_topology",
            "A look at the whole broker, with its repairs",
            Unit::Seconds,
            topology,
        );
        registry.register(
            "sendry_drift_repairs",
            "What somebody else had changed and was repaired",
            drift_repairs,
        );
        registry.register(
            "sendry_apikey_rotations",
            "API keys that took another's place",
            rotations,
        );
        key_expiry.register(registry);
        scaling.register(registry);
        metrics
    }
}
