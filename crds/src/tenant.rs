//! `SendryTenant`.

use k8s_openapi::apimachinery::pkg::{
    api::resource::Quantity,
    apis::meta::v1::{Condition, Time},
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tenant: a team or product that sends events, with its API keys and limits. Its name is the tenant's id everywhere.
/// Deleting it keeps everything: keys answer 503 `suspended`, rows and queues stay; only `sendry tenants purge` erases.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "sendry.io",
    version = "v1alpha1",
    kind = "SendryTenant",
    plural = "sendrytenants",
    shortname = "stn",
    category = "sendry",
    status = "SendryTenantStatus",
    derive = "PartialEq",
    doc = "A tenant: a team or product that sends events, with its API keys and limits. Its name is the tenant's id everywhere. Deleting it keeps everything: ingest answers 503 `suspended`, rows and queues stay; only `sendry tenants purge` erases.",
    selectable = ".spec.namespace",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.namespace"),
    printcolumn(name = "Keys", type_ = "integer", json_path = ".status.activeKeys", description = "API keys that ingest accepts"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = "1"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$')")
        .message("a tenant's name has 1 to 40 letters a-z, digits and hyphens, and begins and ends with a letter or digit"),
)]
#[serde(rename_all = "camelCase")]
pub struct SendryTenantSpec {
    /// The namespace where the Secrets of its API keys and its pipelines live. Made if it is not there; one that is there
    /// is taken only if it carries the label `sendry.io/tenant: <name of the tenant>`. It is never deleted, and it cannot
    /// be changed later.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("namespace cannot be changed: make another tenant"),
        validation = Rule::new("!self.startsWith('kube-') && self != 'default'")
            .message("namespace cannot be `default` or begin with `kube-`"),
    )]
    pub namespace: String,
    /// How much it may send and have.
    #[serde(default)]
    pub limits: Limits,
    /// How long its data are kept.
    #[serde(default)]
    pub retention: Retention,
    /// How old an event may be when it arrives, as a duration from 1h to 168h. Default: 48h.
    #[serde(default = "default_window")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    #[x_kube(validation = Rule::new("self != '' && duration(self) >= duration('1h') && duration(self) <= duration('168h')")
        .message("window is a duration from 1h to 168h, such as 48h"))]
    pub window: String,
    /// Its API keys. The name of an entry is its identity: an entry that is taken out revokes its keys at once.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new(
            "self.all(k, has(k.secretRef) || self.exists_one(o, !has(o.secretRef) && \
             (has(o.secretName) ? o.secretName : o.name) == (has(k.secretName) ? k.secretName : k.name)))"
        ).message("two API keys of a tenant cannot share one Secret: give each another secretName"),
    )]
    pub api_keys: Vec<ApiKeySpec>,
    /// Ingest answers 503 `suspended`, and workers go. What is queued and counted stays.
    #[serde(default)]
    pub suspend: bool,
    /// The API server refuses to delete this tenant and its namespace, also while no operator runs. Take it away first to
    /// delete them.
    #[serde(default)]
    pub deletion_protection: bool,
}

/// How much a tenant may send and have.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.burst) || has(self.eventsPerSecond)")
    .message("burst needs eventsPerSecond"))]
#[x_kube(validation = Rule::new("!has(self.burst) || !has(self.eventsPerSecond) || self.burst >= self.eventsPerSecond")
    .message("burst cannot be below eventsPerSecond"))]
pub struct Limits {
    /// Events a second, over all ingests; beyond it ingest answers 429. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub events_per_second: Option<u32>,
    /// Events it may send at once. Default: two seconds' worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_000_000))]
    pub burst: Option<u32>,
    /// Bytes of one request's body, inflated; beyond it ingest answers 413. At most 5Mi, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32))]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Ki')) >= 0 && quantity(string(self)).compareTo(quantity('5Mi')) <= 0"
    ).message("maxPayload is a quantity from 1Ki to 5Mi"))]
    pub max_payload: Option<Quantity>,
    /// Bytes that may wait in each of its queues; beyond it ingest answers 503 `backlog_full`. A pipeline may ask for less,
    /// and not for more. Default: 4Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32))]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ti')) <= 0"
    ).message("backlogBytes is a quantity from 1Mi to 1Ti"))]
    pub backlog_bytes: Option<Quantity>,
    /// Pipelines it may have. Default: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 200))]
    pub max_pipelines: Option<u32>,
    /// Workers of all its pipelines together. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_workers: Option<u32>,
    /// Entries of `apiKeys` that are honoured, in their order; the rest is reported. Default: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub keys: Option<u32>,
}

/// How long a tenant's data are kept.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// Raw events, as a duration from 1h to 8760h. Counts are kept for 25 months in any case. Default: 720h (30 days).
    #[serde(default = "default_raw")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    #[x_kube(validation = Rule::new("self != '' && duration(self) >= duration('1h') && duration(self) <= duration('8760h')")
        .message("raw is a duration from 1h to 8760h, such as 720h"))]
    pub raw: String,
}

/// An API key of a tenant.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.generate) && has(self.secretRef))")
        .message("a key is either made by the operator (generate) or taken from a Secret (secretRef)"),
    validation = Rule::new("!(has(self.secretName) && has(self.secretRef))")
        .message("secretName is where a generated key is published; a key from secretRef has its own Secret"),
    validation = Rule::new("!(has(self.rotation) && has(self.secretRef) && (has(self.rotation.interval) || has(self.rotation.trigger)))")
        .message("a key from secretRef is rotated where it comes from; only rotation.overlap applies to it"),
    validation = Rule::new("!(has(oldSelf.revoked) && oldSelf.revoked) || (has(self.revoked) && self.revoked)")
        .message("a revoked key stays revoked: make another entry"),
)]
pub struct ApiKeySpec {
    /// What it is called; unique among the tenant's keys.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Services it may send events of; none = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub services: Vec<String>,
    /// The Secret, in the tenant's namespace, where a generated key is published as `api-key`. Default: the name of the
    /// entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub secret_name: Option<String>,
    /// The operator makes the key. This is the default; `generate: {}` says it aloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// The key is taken from a Secret of the tenant's namespace, such as External Secrets or Sealed Secrets make; mint one
    /// for a vault with `sendry keys generate`. The Secret must carry the label `sendry.io/tenant: <name of the tenant>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// When a new key takes the place of the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// From then on it is refused with 403.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Refused with 403 within 5 s, and for good: a revoked entry cannot be taken back.
    #[serde(default)]
    pub revoked: bool,
}

/// The operator makes the key.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Generate {}

/// One value of a Secret.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct SecretRef {
    /// The Secret, in the tenant's namespace.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Which of its values. Default: api-key.
    #[serde(default = "default_key")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// When a new key takes the place of the old one.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.interval) || duration(has(self.overlap) ? self.overlap : '168h') < duration(self.interval)"
)
    .message("overlap must be shorter than interval"))]
pub struct Rotation {
    /// How old a key grows before the next one is made, as a duration of at least 1h. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    #[x_kube(validation = Rule::new("self != '' && duration(self) >= duration('1h')")
        .message("interval is a duration of at least 1h, such as 2160h"))]
    pub interval: Option<String>,
    /// How long the old key stays valid beside the new one, as a duration of at most 2160h. Default: 168h.
    #[serde(default = "default_overlap")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    #[x_kube(validation = Rule::new("self != '' && duration(self) >= duration('0s') && duration(self) <= duration('2160h')")
        .message("overlap is a duration from 0s to 2160h, such as 168h"))]
    pub overlap: String,
    /// Any text, such as a date. A change of it makes exactly one new key: rotation by a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub trigger: Option<String>,
}

/// What the operator found and did.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendryTenantStatus {
    /// The generation of the spec that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `TopologySynced`, `KeysReady`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Its keys, by entry; never the keys themselves.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub api_keys: Vec<ApiKeyStatus>,
    /// How many keys ingest accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_keys: Option<i32>,
}

/// The keys of an entry.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyStatus {
    /// The entry.
    pub name: String,
    /// Where the key is published, or taken from.
    pub secret_name: String,
    /// What is wrong with it, in a word; absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// And what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the next key is made, where an interval says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_rotation: Option<Time>,
    /// Every key of it that ingest knows, the newest first.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub keys: Vec<KeyStatus>,
}

/// A key.
#[derive(JsonSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyStatus {
    /// The public part of the key.
    pub id: String,
    /// First 12 hex digits of the SHA-256 of the key.
    pub fingerprint: String,
    /// What ingest makes of it.
    pub state: KeyState,
    /// Made then.
    pub not_before: Time,
    /// Not valid from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}

/// What ingest makes of a key.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum KeyState {
    /// Accepted, and not published yet.
    Pending,
    /// The one to use.
    Current,
    /// Accepted until its `notAfter`.
    Retiring,
    /// Refused: its time is over.
    Expired,
    /// Refused for good.
    Revoked,
}

impl Default for Retention {
    fn default() -> Self {
        Self { raw: default_raw() }
    }
}

fn default_raw() -> String {
    "720h".to_owned()
}

fn default_window() -> String {
    "48h".to_owned()
}

fn default_overlap() -> String {
    "168h".to_owned()
}

fn default_key() -> String {
    "api-key".to_owned()
}
