//! What an object says of itself: `metav1.Condition`, one list keyed by type.
//!
//! `Ready` is the one to wait for. `Reconciling` and `Stalled` are true when something is wrong, as kstatus (Argo CD, Flux,
//! `kubectl wait`) reads them: the first passes by itself, the second needs a person.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Everything asked for is there and in effect.
pub const READY: &str = "Ready";
/// Work goes on, or is tried again.
pub const RECONCILING: &str = "Reconciling";
/// Only a change of the object, or of what it names, will help.
pub const STALLED: &str = "Stalled";
/// The broker has what it should, with our limits in effect.
pub const TOPOLOGY_SYNCED: &str = "TopologySynced";
/// Every API key is published and accepted.
pub const KEYS_READY: &str = "KeysReady";
/// As many workers as asked for can be had.
pub const WORKERS_AVAILABLE: &str = "WorkersAvailable";
/// The backlog is known and fresh; never reads as zero when it is not.
pub const METRICS_AVAILABLE: &str = "MetricsAvailable";
/// Replicas follow the load.
pub const SCALING_ACTIVE: &str = "ScalingActive";
/// More or fewer replicas are wanted than are allowed.
pub const SCALING_LIMITED: &str = "ScalingLimited";

/// What the kinds say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Type of a condition, or a reason.
    pub name: &'static str,
    /// What it means, for who reads the object.
    pub means: &'static str,
}

const fn explained(name: &'static str, means: &'static str) -> Explained {
    Explained { name, means }
}

/// The conditions of a tenant.
pub const OF_TENANTS: &[Explained] = &[
    explained(
        READY,
        "Everything asked for is there and in effect. The one to wait for.",
    ),
    explained(RECONCILING, "Work goes on, or is tried again by itself."),
    explained(
        STALLED,
        "Only a change of the tenant, or of what it names, will help; the message says which.",
    ),
    explained(
        TOPOLOGY_SYNCED,
        "The broker has what it should, with our limits in effect.",
    ),
    explained(KEYS_READY, "Every API key is published and accepted."),
];

/// The conditions of a pipeline.
pub const OF_PIPELINES: &[Explained] = &[
    OF_TENANTS[0],
    OF_TENANTS[1],
    explained(
        STALLED,
        "Only a change of the pipeline, or of its tenant, will help; the message says which.",
    ),
    OF_TENANTS[3],
    explained(
        WORKERS_AVAILABLE,
        "As many workers as asked for can be had.",
    ),
    explained(
        METRICS_AVAILABLE,
        "The backlog is known and fresh. While it is not, it never reads as zero.",
    ),
    explained(SCALING_ACTIVE, "Replicas follow the load."),
    explained(
        SCALING_LIMITED,
        "More or fewer replicas are wanted than are allowed.",
    ),
];

/// Reasons that a condition may give, with what to do. Reasons are for programs, messages for people.
pub const REASONS: &[Explained] = &[
    explained("Ready", "Everything asked for is there."),
    explained(
        "Settled",
        "Nothing is wrong; `Reconciling` and `Stalled` say so in this word.",
    ),
    explained(
        "Working",
        "It is being worked on: nothing that needs a person.",
    ),
    explained("Stalled", "`Stalled` says what is wrong."),
    explained(
        "Conflict",
        "Somebody else wrote the same object; tried again at once.",
    ),
    explained(
        "ApiServerUnavailable",
        "The API server is away or refuses; tried again by itself.",
    ),
    explained(
        "StoreUnavailable",
        "PostgreSQL is away; ingest goes on with what it knows.",
    ),
    explained(
        "BrokerUnavailable",
        "RabbitMQ's management API is away; keys and limits are kept up meanwhile.",
    ),
    explained(
        "Superseded",
        "Another operator leads, or the object has changed meanwhile; it is left to who knows better.",
    ),
];

/// The condition of a type, if it was said.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}
