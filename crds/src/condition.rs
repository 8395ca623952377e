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

/// The condition of a type, if it was said.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}
