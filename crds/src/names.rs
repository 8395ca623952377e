//! Names that stand in manifests and that other parts of a cluster may rely on.

/// The API group.
pub const GROUP: &str = "sendry.io";

/// The version of both kinds.
pub const VERSION: &str = "v1alpha1";

/// Label of a namespace and of everything the operator makes for a tenant: the tenant's name. A namespace that was there
/// before is adopted only with this label.
pub const TENANT_LABEL: &str = "sendry.io/tenant";

/// Label of a Secret of an API key: the name of its entry in `spec.apiKeys`.
pub const API_KEY_LABEL: &str = "sendry.io/api-key";

/// Label of everything that a pipeline's workers consist of: the pipeline's name.
pub const PIPELINE_LABEL: &str = "sendry.io/pipeline";

/// The label of what a program is.
pub const NAME_LABEL: &str = "app.kubernetes.io/name";

/// Its value on workers.
pub const WORKER_NAME: &str = "sendry-worker";

/// Annotation of workers' objects: a hash of what the operator applied last.
pub const APPLIED_ANNOTATION: &str = "sendry.io/applied";

/// Annotation of workers' Deployments: what the pipeline said of its workers, so that who has lost the pipeline can keep them
/// up as they were.
pub const WORKER_SPEC_ANNOTATION: &str = "sendry.io/worker-spec";

/// Annotation of workers' pods: a hash of their settings, so that a change of these makes new ones.
pub const CONFIG_ANNOTATION: &str = "sendry.io/config";

/// The label of everything the operator makes.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// Its value.
pub const MANAGED_BY: &str = "sendry-operator";

/// Finalizer of a tenant: its rows are marked as retained before it goes.
pub const TENANT_FINALIZER: &str = "sendry.io/tenant";

/// Finalizer of a pipeline: its queue is drained or kept before it goes.
pub const PIPELINE_FINALIZER: &str = "sendry.io/pipeline";

/// Annotation of a pipeline: how long its queue may take to be drained when it is deleted, such as `10m`; then it is kept.
pub const DRAIN_TIMEOUT_ANNOTATION: &str = "sendry.io/drain-timeout";

/// Annotation of a tenant: `"true"` takes over queues and users on the broker that carry another owner's mark.
pub const ADOPT_ANNOTATION: &str = "sendry.io/adopt";

/// Annotation of a tenant or a pipeline: `"true"` says that its broker will never come back, so nothing on it is waited for.
pub const BROKER_GONE_ANNOTATION: &str = "sendry.io/broker-gone";

/// Annotation of our CustomResourceDefinitions, and of protected namespaces: `"true"` allows to delete them.
pub const ALLOW_DELETION_ANNOTATION: &str = "sendry.io/allow-deletion";

/// Annotation of a namespace: `"true"` while its tenant has `spec.deletionProtection`. The operator sets it, since an
/// admission policy cannot look at the tenant.
pub const PROTECTED_ANNOTATION: &str = "sendry.io/protected";

/// Field manager of server-side apply.
pub const FIELD_MANAGER: &str = "sendry-operator";

/// A name in manifests, for the reference.
pub(crate) struct Named {
    /// The label, annotation or finalizer.
    pub name: &'static str,
    /// On what, and whether it is a label, an annotation or a finalizer.
    pub on: &'static str,
    /// Who sets it, and what it does.
    pub means: &'static str,
}

/// Labels, annotations and finalizers that others meet.
pub(crate) const NAMED: &[Named] = &[
    Named {
        name: TENANT_LABEL,
        on: "label of namespaces, Secrets and all that the operator makes",
        means: "The tenant it belongs to. Set it on a namespace to have that adopted, and on a Secret that `secretRef` names. \
                On a namespace, only who may update SendryTenants sets, changes or removes it.",
    },
    Named {
        name: API_KEY_LABEL,
        on: "label of Secrets",
        means: "The entry of `spec.apiKeys` whose key is published there. Set it with the tenant's label to have a Secret \
                adopted that was there before.",
    },
    Named {
        name: PIPELINE_LABEL,
        on: "label of workers' Deployments, pods, ConfigMaps, Secrets and budgets",
        means: "The pipeline they drain; with `sendry.io/tenant` and `app.kubernetes.io/name: sendry-worker`.",
    },
    Named {
        name: APPLIED_ANNOTATION,
        on: "annotation of workers' objects",
        means: "A hash of what the operator applied last, by which it knows that nothing is to be done.",
    },
    Named {
        name: WORKER_SPEC_ANNOTATION,
        on: "annotation of workers' Deployments",
        means: "The pipeline's `spec.worker` as it was applied last: workers of a pipeline that was deleted and kept are kept up by it.",
    },
    Named {
        name: CONFIG_ANNOTATION,
        on: "annotation of workers' pods",
        means: "A hash of their settings: another one makes new pods.",
    },
    Named {
        name: MANAGED_BY_LABEL,
        on: "label of all that the operator makes",
        means: "Always `sendry-operator`.",
    },
    Named {
        name: TENANT_FINALIZER,
        on: "finalizer of tenants",
        means: "Set by the operator: a deleted tenant's rows are marked as retained before it goes.",
    },
    Named {
        name: ADOPT_ANNOTATION,
        on: "annotation of tenants",
        means: "`\"true\"` takes over queues and users on the broker that carry another owner's mark.",
    },
    Named {
        name: BROKER_GONE_ANNOTATION,
        on: "annotation of tenants, and of single pipelines",
        means: "`\"true\"` says that the broker will never come back, so nothing on it is waited for when a pipeline is deleted.",
    },
    Named {
        name: PIPELINE_FINALIZER,
        on: "finalizer of pipelines",
        means: "Set by the operator: a deleted pipeline's queue is drained, or kept, before it goes.",
    },
    Named {
        name: DRAIN_TIMEOUT_ANNOTATION,
        on: "annotation of pipelines",
        means: "How long the queue of a deleted pipeline may take to be drained, such as `10m`; then it is kept. Default: 1h.",
    },
    Named {
        name: PROTECTED_ANNOTATION,
        on: "annotation of namespaces",
        means: "`\"true\"` is set by the operator while the tenant has `spec.deletionProtection`: the namespace cannot be deleted.",
    },
    Named {
        name: ALLOW_DELETION_ANNOTATION,
        on: "annotation of protected namespaces and of our definitions",
        means: "`\"true\"` allows to delete them all the same.",
    },
];
