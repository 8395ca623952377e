//! The Deployment: a pod with nothing in it but what the operator itself says.

use std::collections::BTreeMap;

use sendry_crds::names;
use serde_json::{Value, json};

use super::{
    ADMIN_PORT, QUEUE_URL, Resources, WORKER_YAML, Wanted, WorkerSettings, metadata, name,
    pod_labels, stamped,
};

/// A rollout that has not gone on for so long says so.
const PROGRESS_SECONDS: u32 = 120;
/// Who runs in our images.
const USER: u32 = 65_532;

/// Without `spec.replicas`: the autoscaler owns it.
pub(super) fn build(
    wanted: &Wanted,
    settings: &WorkerSettings,
    namespace: &str,
    resources: &Resources,
    hash: &str,
) -> Value {
    let labels = pod_labels(&wanted.tenant, &wanted.pipeline);
    stamped(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(wanted, namespace),
        "spec": {
            "selector": {"matchLabels": labels},
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_SECONDS,
            // A new worker is there before an old one goes: the queue never waits for a rollout.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
            },
            "template": {
                "metadata": {
                    "labels": super::labels(&wanted.tenant, &wanted.pipeline),
                    "annotations": annotations(settings, hash),
                },
                "spec": pod(wanted, settings, resources),
            },
        },
    }))
}

/// The hash last: nothing that the platform says stands in its place.
fn annotations(settings: &WorkerSettings, hash: &str) -> BTreeMap<String, String> {
    let mut annotations = settings.template.annotations.clone();
    annotations.insert(names::CONFIG_ANNOTATION.to_owned(), hash.to_owned());
    annotations
}

fn pod(wanted: &Wanted, settings: &WorkerSettings, resources: &Resources) -> Value {
    let name = name(&wanted.tenant, &wanted.pipeline);
    let mut pod = json!({
        "serviceAccountName": settings.service_account,
        "automountServiceAccountToken": false,
        // Kubernetes would put <SERVICE>_PORT=tcp://… into the environment that settings are read from.
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": settings.grace.as_secs(),
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            spread("kubernetes.io/hostname", wanted),
            spread("topology.kubernetes.io/zone", wanted),
        ],
        "containers": [container(&name, settings, resources)],
        "volumes": [{
            "name": "config",
            "configMap": {"name": name, "items": [{"key": WORKER_YAML, "path": WORKER_YAML}]},
        }],
    });
    for (field, value) in settings.template.pod() {
        pod[field] = value;
    }
    pod
}

/// Where there is room: a worker is better beside another one than nowhere.
fn spread(over: &str, wanted: &Wanted) -> Value {
    json!({
        "maxSkew": 1,
        "topologyKey": over,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": pod_labels(&wanted.tenant, &wanted.pipeline)},
    })
}

fn container(name: &str, settings: &WorkerSettings, resources: &Resources) -> Value {
    let secret = |variable: &str, secret: &str, key: &str| json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}});
    json!({
        "name": "worker",
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy.to_string(),
        "args": ["--config", format!("/etc/sendry/{WORKER_YAML}")],
        "env": [
            // The pod's own name among workers, also after its container was started again.
            {"name": "SENDRY_INSTANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            secret("SENDRY_QUEUE_URL", name, QUEUE_URL),
            secret("SENDRY_POSTGRES_URL", &settings.stores_secret, "postgres-url"),
            secret("SENDRY_MONGODB_URL", &settings.stores_secret, "mongodb-url"),
        ],
        "ports": [{"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"}],
        "resources": resources.value(),
        // Answered before anything else is there: a worker that waits for its stores is alive.
        "startupProbe": probe("/livez", 1, 60),
        "livenessProbe": probe("/livez", 10, 3),
        "readinessProbe": probe("/readyz", 5, 2),
        // What it said last stands in the pod's status, and from there in the pipeline's.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/sendry", "readOnly": true}],
    })
}

fn probe(path: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": "admin"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}
