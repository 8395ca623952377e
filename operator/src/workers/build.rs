//! What should stand, as values. Pure: the same inputs give the same bytes, which is how a pass knows that nothing changed.

mod config;
mod deployment;
mod resources;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sendry_crds::{names, pipeline::WorkerSpec};
use sendry_domain::id::{PipelineName, TenantId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::resources::Resources;
use super::{Wanted, WorkerSettings};

pub use config::config;

/// What stands in the annotation [`names::APPLIED_ANNOTATION`] of a Deployment that was made and not begun yet.
pub const STARTING: &str = "starting";
/// The key of the broker's address, with user and password, in the Secret.
pub const QUEUE_URL: &str = "queue-url";
/// The key of the settings in the ConfigMap.
pub const WORKER_YAML: &str = "worker.yaml";
/// Where pods tell how they are.
pub(super) const ADMIN_PORT: u16 = 9090;
/// Consumers of a worker whose spec does not say.
const CONCURRENCY: u32 = 4;
/// Messages given ahead to each, where the spec does not say.
const PREFETCH: u32 = 64;

/// The name of everything that one pipeline's workers consist of.
#[must_use]
pub fn name(tenant: &TenantId, pipeline: &PipelineName) -> String {
    format!("w-{}", short(&format!("{tenant}/{pipeline}")))
}

/// Labels of everything that is made for a pipeline's workers.
#[must_use]
pub fn labels(tenant: &TenantId, pipeline: &PipelineName) -> BTreeMap<String, String> {
    let mut labels = pod_labels(tenant, pipeline);
    labels.insert(
        names::MANAGED_BY_LABEL.to_owned(),
        names::MANAGED_BY.to_owned(),
    );
    labels
}

/// Labels by which a pipeline's pods are found.
fn pod_labels(tenant: &TenantId, pipeline: &PipelineName) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::NAME_LABEL.to_owned(), names::WORKER_NAME.to_owned()),
        (names::TENANT_LABEL.to_owned(), tenant.to_string()),
        (names::PIPELINE_LABEL.to_owned(), pipeline.to_string()),
    ])
}

/// The same as a selector in text, for the `scale` subresource of the pipeline.
#[must_use]
pub fn selector(tenant: &TenantId, pipeline: &PipelineName) -> String {
    let pairs = pod_labels(tenant, pipeline);
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.join(",")
}

/// Whether workers can be made as the spec says; an older schema may have let something else through.
///
/// # Errors
/// What cannot be, for who wrote it.
pub fn check(spec: &WorkerSpec) -> Result<(), String> {
    resources::read(spec)?;
    let within = |what: &str, asked: Option<u32>, most: u32| match asked {
        Some(n) if !(1..=most).contains(&n) => {
            Err(format!("worker.{what} {n} must be 1 to {most}"))
        }
        _ => Ok(()),
    };
    within("concurrency", spec.concurrency, 64)?;
    within("prefetch", spec.prefetch, 1000)
}

/// What stands for one pipeline, but for its Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Objects {
    /// The settings of its workers.
    pub config: Value,
    /// The workers, without their number.
    pub deployment: Value,
    /// How many may be taken away at once by who empties a node.
    pub budget: Value,
}

/// What should stand. `secret` is a hash of what the Secret holds: pods do not notice by themselves that it changed.
///
/// # Errors
/// As [`check`].
pub fn objects(
    wanted: &Wanted,
    settings: &WorkerSettings,
    namespace: &str,
    secret: &str,
) -> Result<Objects, String> {
    check(&wanted.spec)?;
    let resources = resources::read(&wanted.spec)?;
    let text = config(wanted, settings);
    let hash = short(&format!("{text}\n{secret}"));
    Ok(Objects {
        config: config_map(wanted, namespace, &text),
        deployment: signed(
            deployment::build(wanted, settings, namespace, &resources, &hash),
            &wanted.spec,
        ),
        budget: budget(wanted, namespace),
    })
}

fn config_map(wanted: &Wanted, namespace: &str, text: &str) -> Value {
    stamped(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(wanted, namespace),
        "data": {WORKER_YAML: text},
    }))
}

/// A quarter: of up to four workers one, and a large fleet does not hold a node up for an hour. A worker that is not ready
/// never does.
fn budget(wanted: &Wanted, namespace: &str) -> Value {
    stamped(json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(wanted, namespace),
        "spec": {
            "maxUnavailable": "25%",
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": pod_labels(&wanted.tenant, &wanted.pipeline)},
        },
    }))
}

fn metadata(wanted: &Wanted, namespace: &str) -> Value {
    json!({
        "name": name(&wanted.tenant, &wanted.pipeline),
        "namespace": namespace,
        "labels": labels(&wanted.tenant, &wanted.pipeline),
    })
}

/// With a hash of all of it, so that a field that is no longer wanted is noticed: what is not there any more cannot be
/// compared.
fn stamped(mut object: Value) -> Value {
    let hash = short(&object.to_string());
    object["metadata"]["annotations"] = json!({names::APPLIED_ANNOTATION: hash});
    object
}

/// With what it was made by.
fn signed(mut deployment: Value, spec: &WorkerSpec) -> Value {
    let spec = json!(spec).to_string();
    deployment["metadata"]["annotations"][names::WORKER_SPEC_ANNOTATION] = json!(spec);
    deployment
}

/// What [`objects`] made a Deployment by, if that can be made again.
#[must_use]
pub fn made_by(annotations: &BTreeMap<String, String>) -> Option<WorkerSpec> {
    let said = annotations.get(names::WORKER_SPEC_ANNOTATION)?;
    let spec = serde_json::from_str(said).ok()?;
    check(&spec).is_ok().then_some(spec)
}

/// A Deployment that makes no pods, to begin with: it would begin with one.
#[must_use]
pub fn starting(deployment: &Value) -> Value {
    let mut starting = deployment.clone();
    starting["spec"]["paused"] = json!(true);
    starting["metadata"]["annotations"][names::APPLIED_ANNOTATION] = json!(STARTING);
    starting
}

/// 16 hexadecimal digits of a text's hash.
pub(super) fn short(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest[..8].iter().map(|b| format!("{b:02x}")).collect()
}
