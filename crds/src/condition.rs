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
        "InEffect",
        "The broker has everything, and our limits were seen in effect.",
    ),
    explained(
        "PolicyNotInEffect",
        "The broker has not yet applied what it was told; looked at again by itself.",
    ),
    explained(
        "BrokerUnreachable",
        "The management API does not answer, or is not trusted; tried again by itself.",
    ),
    explained(
        "BrokerUnauthorized",
        "The broker does not know the operator's user or password: check the Secret of its connection.",
    ),
    explained(
        "BrokerForbidden",
        "The operator's user may not do this: the message says which permission or tag is missing.",
    ),
    explained(
        "BrokerNotFound",
        "The virtual host is not there: create it, or check its name.",
    ),
    explained(
        "BrokerRefused",
        "The broker does not accept it; RabbitMQ 3.10 to 4.x is supported.",
    ),
    explained(
        "BrokerInTrouble",
        "The broker, or something in front of it, is in trouble; tried again by itself.",
    ),
    explained(
        "OwnershipConflict",
        "Something on the broker by our name is somebody else's, or overrides our limits: the message says what to do; the annotation sendry.io/adopt takes it over.",
    ),
    explained(
        "NameTaken",
        "An object of the workers' name in the operator's namespace is somebody else's: the message names it; delete or rename it.",
    ),
    explained(
        "ErrImagePull",
        "The workers' image cannot be pulled: the operator's --worker-image, or the registry.",
    ),
    explained(
        "ErrImageNeverPull",
        "The workers' image is not on the node, and is not to be pulled.",
    ),
    explained(
        "InvalidImageName",
        "The operator's --worker-image is no image's name.",
    ),
    explained(
        "CreateContainerConfigError",
        "A Secret or ConfigMap of the workers is missing, or lacks a key; the message names it.",
    ),
    explained(
        "CreateContainerError",
        "The workers' container cannot be made; the message says why.",
    ),
    explained(
        "RunContainerError",
        "The workers' container cannot be started; the message says why.",
    ),
    explained(
        "CrashLoopBackOff",
        "Workers start and end again: the message has what one said last.",
    ),
    explained(
        "OOMKilled",
        "Workers need more memory than spec.worker.resources.memory gives them.",
    ),
    explained(
        "Unschedulable",
        "No node takes the workers; the message says what is short.",
    ),
    explained(
        "FailedCreate",
        "Pods of the workers are refused, by a quota or a policy; the message names it.",
    ),
    explained(
        "ProgressDeadlineExceeded",
        "Workers started and do not become ready: look at their /readyz or logs.",
    ),
    explained("Stopping", "This operator leaves; the next one goes on."),
    explained(
        "NamespaceReserved",
        "The namespace is the operator's own: name another one.",
    ),
    explained(
        "NamespaceNotLabelled",
        "The namespace was there before: label it with sendry.io/tenant to let the tenant have it.",
    ),
    explained(
        "NamespaceConflict",
        "The namespace is another tenant's: name another one.",
    ),
    explained(
        "NamespaceTerminating",
        "The namespace is being deleted. Keys stay valid; it is made again when it is gone.",
    ),
    explained(
        "InvalidName",
        "The name cannot be a tenant's: make it again under another one.",
    ),
    explained(
        "InvalidSpec",
        "A value cannot be read: apply the resource again under the installed schema.",
    ),
    explained(
        "Published",
        "Every API key is published, and ingest accepts it.",
    ),
    explained(
        "TooManyKeys",
        "There are more entries than limits.keys allows: the first ones are honoured.",
    ),
    explained(
        "InvalidEntry",
        "An entry of apiKeys cannot be read: the message says why.",
    ),
    explained(
        "SecretConflict",
        "A Secret of that name is somebody else's: name another one, or label it as the message says.",
    ),
    explained(
        "SecretImmutable",
        "The Secret was made immutable, so no key can be put into it: delete it, a new one is made.",
    ),
    explained(
        "SecretMissing",
        "The Secret that secretRef names is not there.",
    ),
    explained("ValueMissing", "The Secret has no value of that key."),
    explained(
        "NotLabelled",
        "The Secret that secretRef names has not the label sendry.io/tenant; one that lost it was revoked.",
    ),
    explained(
        "MalformedKey",
        "The value is no key of ours: mint one with `sendry keys generate`.",
    ),
    explained(
        "KeyClaimed",
        "That key is another entry's or another tenant's: mint another one.",
    ),
    explained(
        "KeyRevoked",
        "That key was revoked before, and revoked for good: put another one in its place.",
    ),
    explained(
        "NoEntropy",
        "The operating system gives no random bytes for a key; tried again by itself.",
    ),
    explained(
        "NoTenant",
        "The pipeline's namespace is no tenant's: make a SendryTenant whose spec.namespace it is.",
    ),
    explained(
        "TenantNotReady",
        "The tenant of the pipeline is not set up yet, or is being deleted; looked at again when it changes.",
    ),
    explained(
        "PatternConflict",
        "An older pipeline has one of the patterns of services and environments and keeps it: name others, or delete the older one.",
    ),
    explained(
        "TooManyPipelines",
        "The tenant has more pipelines than limits.maxPipelines allows: the oldest ones are honoured.",
    ),
    explained(
        "Suspended",
        "The pipeline has no workers, as its spec says. Events are accepted and wait.",
    ),
    explained(
        "TenantSuspended",
        "Everything is there, but ingest takes no events of the tenant: its spec.suspend says so.",
    ),
    explained(
        "WorkersStarting",
        "Fewer workers are ready than should be, and nothing is known to be in the way.",
    ),
    explained("Available", "As many workers as asked for can be had."),
    explained("NoneWanted", "No workers are wanted now."),
    explained(
        "Draining",
        "The pipeline is being deleted: it takes no new events, and its workers empty the queue; the message says until when.",
    ),
    explained(
        "Retaining",
        "The pipeline is being deleted and its queue kept; it waits for a worker that stays with it.",
    ),
    explained(
        "Superseded",
        "Another operator leads, or the object has changed meanwhile; it is left to who knows better.",
    ),
    explained(
        "Fresh",
        "Queue and workers are looked at every few seconds, and were seen.",
    ),
    explained(
        "QueueUnknown",
        "The broker cannot be asked how much waits, so the number of workers stays; the message says why.",
    ),
    explained(
        "WorkersUnknown",
        "The store cannot be asked what workers do, so their number stays; the message says why.",
    ),
    explained(
        "WorkersUnheard",
        "Fewer workers would do by what they say, but not all consumers of the queue have said something; until they do, the number stays. If it lasts, look for a worker that cannot reach the control store, or for somebody else's consumer.",
    ),
    explained(
        "EmptyUnproven",
        "The queue says that it is empty, and no consumer bears it out yet: the number of workers stays.",
    ),
    explained(
        "Fallback",
        "Nothing has been known for a minute: one worker, in case something waits.",
    ),
    explained("Suspended", "`spec.suspend`: no workers, and events wait."),
    explained("Fixed", "Mode Fixed: always `scaling.min` workers."),
    explained(
        "External",
        "Mode External: `spec.replicas` workers, within `scaling.min` and `scaling.max`.",
    ),
    explained("Idle", "Nothing waits and nothing comes."),
    explained(
        "Waking",
        "Something waits and nobody works: the first workers are asked for.",
    ),
    explained(
        "Learning",
        "What a worker does is being measured; until then there is one.",
    ),
    explained(
        "WorkersStalled",
        "Something waits and the workers do not get on: look at their logs and at the stores behind them. No more are added.",
    ),
    explained(
        "SinkBound",
        "Workers that were added did not make the whole faster: the stores are the limit. Tried again by itself.",
    ),
    explained("Backlog", "More workers, mostly for what waits."),
    explained("Arrival", "More workers, mostly for what comes."),
    explained("Steady", "As many workers as the load asks for."),
    explained("Cooling", "Fewer workers would do, but have not for 300 s."),
    explained("LessLoad", "Fewer workers, for there has been less to do."),
    explained(
        "WithinLimits",
        "As many workers as the load asks for are allowed.",
    ),
    explained("MaxWorkers", "More than `scaling.max` workers are wanted."),
    explained(
        "TenantCap",
        "The tenant's pipelines want more workers than its `limits.maxWorkers`, and share them.",
    ),
    explained(
        "RampUp",
        "More workers follow, as fast as `scaling.ramps.upPercent` allows.",
    ),
    explained(
        "RampDown",
        "More workers leave, as fast as `scaling.ramps.downPercent` allows.",
    ),
    explained(
        "Messages",
        "There are not more messages to share out among workers.",
    ),
];

/// The condition of a type, if it was said.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}
