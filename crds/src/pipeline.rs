//! `SendryPipeline`.

use k8s_openapi::apimachinery::pkg::{
    api::resource::Quantity,
    apis::meta::v1::{Condition, Time},
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pipeline: which of a tenant's events go to which workers.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "sendry.io",
    version = "v1alpha1",
    kind = "SendryPipeline",
    plural = "sendrypipelines",
    shortname = "spl",
    category = "sendry",
    namespaced,
    status = "SendryPipelineStatus",
    derive = "PartialEq",
    doc = "A pipeline: which of a tenant's events go to which workers. It belongs to the tenant whose spec names its namespace.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    selectable = ".spec.scaling.mode",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.desiredReplicas"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Backlog", type_ = "integer", json_path = ".status.scaling.backlog", description = "Events that wait, as of the last decision"),
    printcolumn(name = "Drain-Time", type_ = "string", json_path = ".status.scaling.drainTime", description = "How long they take at the measured rates"),
    printcolumn(name = "Scaling", type_ = "string", json_path = ".status.conditions[?(@.type=='ScalingActive')].reason"),
    printcolumn(name = "Limited", type_ = "string", json_path = ".status.conditions[?(@.type=='ScalingLimited')].reason", priority = "1"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$') && self.metadata.name != 'parked'")
        .message("a pipeline's name has 1 to 40 letters a-z, digits and hyphens, begins and ends with a letter or digit, and is not `parked`"),
)]
#[serde(rename_all = "camelCase")]
pub struct SendryPipelineSpec {
    /// Services whose events it takes; `*` is all. Of several pipelines the most specific one takes an event; of equal
    /// ones the older. Default: all.
    #[serde(default = "all")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 64), regex(pattern = r"^(\*|[A-Za-z0-9._-]+)$"))
    )]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("size(self) == 1 || !('*' in self)").message("`*` is all services: name it alone"),
    )]
    pub services: Vec<String>,
    /// Environments whose events it takes; `*` is all. Default: all.
    #[serde(default = "all")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 64), regex(pattern = r"^(\*|[A-Za-z0-9._-]+)$"))
    )]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("size(self) == 1 || !('*' in self)").message("`*` is all environments: name it alone"),
    )]
    pub environments: Vec<String>,
    /// Its queue.
    #[serde(default)]
    pub queue: QueueSpec,
    /// Its workers.
    #[serde(default)]
    pub worker: WorkerSpec,
    /// How many of them.
    #[serde(default)]
    pub scaling: ScalingSpec,
    /// What an autoscaler of your own asks for, through the `scale` subresource; used in mode `External` only. Leave it out
    /// of manifests, as with a Deployment that something scales. Default: 1.
    #[serde(default = "one_replica", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// No workers. Events are still accepted and wait in the queue.
    #[serde(default)]
    pub suspend: bool,
    /// What becomes of the queue when the pipeline is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// The queue of a pipeline.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueSpec {
    /// Bytes that may wait; beyond it ingest answers 503 `backlog_full`. The tenant's `limits.backlogBytes` is the
    /// default, and the most: what is above it has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32))]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ti')) <= 0"
    ).message("maxLengthBytes is a quantity from 1Mi to 1Ti"))]
    pub max_length_bytes: Option<Quantity>,
    /// Deliveries without an acknowledgement before a message is parked. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 20, max = 1000))]
    pub delivery_limit: Option<u32>,
}

/// The workers of a pipeline. Their image, environment and pod are the operator's own settings.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSpec {
    /// Consumers in each worker. Default: 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: Option<u32>,
    /// Messages that each consumer is given ahead. Default: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub prefetch: Option<u32>,
    /// What a worker is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<WorkerResources>,
}

/// What a worker is given; requests and limits are the same.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerResources {
    /// From 50m to 8. Default: 500m, as a request without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32))]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('50m')) >= 0 && quantity(string(self)).compareTo(quantity('8')) <= 0"
    ).message("cpu is a quantity from 50m to 8"))]
    pub cpu: Option<Quantity>,
    /// From 128Mi to 8Gi. Default: 256Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32))]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('128Mi')) >= 0 && quantity(string(self)).compareTo(quantity('8Gi')) <= 0"
    ).message("memory is a quantity from 128Mi to 8Gi"))]
    pub memory: Option<Quantity>,
}

/// How many workers.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.min <= self.max").message("min cannot be above max"),
    validation = Rule::new("self.mode != 'Fixed' || self.min == self.max").message("in mode Fixed min and max are the same"),
)]
pub struct ScalingSpec {
    /// `Auto`: the operator follows the load. `Fixed`: always `min`. `External`: `spec.replicas`, within min and max.
    #[serde(default)]
    pub mode: ScalingMode,
    /// The fewest workers; 0 allows none when nothing comes. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub min: u32,
    /// The most workers. Default: 10.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,
    /// How soon a backlog should be gone, as a duration from 5s to 24h. Default: 60s.
    #[serde(default = "minute")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    #[x_kube(validation = Rule::new("self != '' && duration(self) >= duration('5s') && duration(self) <= duration('24h')")
        .message("drainTimeTarget is a duration from 5s to 24h"))]
    pub drain_time_target: String,
    /// How busy workers should be when nothing waits, in percent of what they were measured to do. Default: 80.
    #[serde(default = "eighty")]
    #[schemars(range(min = 10, max = 100))]
    pub target_utilization_percent: u32,
    /// How fast workers are added and taken away.
    #[serde(default)]
    pub ramps: Ramps,
    /// How long nothing must have come before the last worker goes (with min 0), as a duration from 30s to 24h.
    /// Default: 300s.
    #[serde(default = "five_minutes")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    #[x_kube(validation = Rule::new("self != '' && duration(self) >= duration('30s') && duration(self) <= duration('24h')")
        .message("scaleToZeroAfter is a duration from 30s to 24h"))]
    pub scale_to_zero_after: String,
}

/// How fast workers are added and taken away.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ramps {
    /// Most workers added in 15 s, in percent of those there are; at least 4 are. Default: 100.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    pub up_percent: u32,
    /// Most workers taken away in 60 s, in percent of those there are; at least one is. Default: 25.
    #[serde(default = "quarter")]
    #[schemars(range(min = 1, max = 100))]
    pub down_percent: u32,
}

/// Who says how many workers there are.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum ScalingMode {
    /// The operator, by the load.
    #[default]
    Auto,
    /// Nobody: always `min`.
    Fixed,
    /// An autoscaler of your own, through the `scale` subresource.
    External,
}

/// What becomes of a deleted pipeline's queue.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum DeletionPolicy {
    /// No new events, drained, verified empty, removed. What does not end in time is retained.
    #[default]
    Drain,
    /// Queue, binding, settings and at least one worker stay.
    Retain,
}

/// What the operator found and did.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendryPipelineStatus {
    /// The generation of the spec that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `TopologySynced`, `WorkersAvailable`, `MetricsAvailable`, `ScalingActive`,
    /// `ScalingLimited`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Workers there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Workers that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Workers there should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_replicas: Option<i32>,
    /// Labels of its workers, for the `scale` subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The last decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
}

/// A decision of the autoscaler, and what it went by.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingStatus {
    /// Why so many.
    pub reason: String,
    /// Events that wait; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<i64>,
    /// How long they take at the measured rates; `never` when more comes than goes; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_time: Option<String>,
    /// Events a second that come; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival_per_second: Option<i64>,
    /// Events a second that one worker was measured to do; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_worker_per_second: Option<i64>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Time>,
}

impl Default for ScalingSpec {
    fn default() -> Self {
        Self {
            mode: ScalingMode::default(),
            min: one(),
            max: ten(),
            drain_time_target: minute(),
            target_utilization_percent: eighty(),
            ramps: Ramps::default(),
            scale_to_zero_after: five_minutes(),
        }
    }
}

impl Default for Ramps {
    fn default() -> Self {
        Self {
            up_percent: hundred(),
            down_percent: quarter(),
        }
    }
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn one() -> u32 {
    1
}

/// Without a number there the API server refuses to read the `scale` subresource, and so does every autoscaler.
fn one_replica() -> Option<i32> {
    Some(1)
}

fn ten() -> u32 {
    10
}

fn eighty() -> u32 {
    80
}

fn hundred() -> u32 {
    100
}

fn quarter() -> u32 {
    25
}

fn minute() -> String {
    "60s".to_owned()
}

fn five_minutes() -> String {
    "300s".to_owned()
}
