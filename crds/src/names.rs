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

/// The label of everything the operator makes.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// Its value.
pub const MANAGED_BY: &str = "sendry-operator";

/// Finalizer of a tenant: its rows are marked as retained before it goes.
pub const TENANT_FINALIZER: &str = "sendry.io/tenant";

/// Annotation of a tenant: `"true"` takes over queues and users on the broker that carry another owner's mark.
pub const ADOPT_ANNOTATION: &str = "sendry.io/adopt";

/// Annotation of a tenant: `"true"` says that its broker will never come back, so nothing on it is waited for.
pub const BROKER_GONE_ANNOTATION: &str = "sendry.io/broker-gone";

/// Annotation of our CustomResourceDefinitions, and of protected namespaces: `"true"` allows to delete them.
pub const ALLOW_DELETION_ANNOTATION: &str = "sendry.io/allow-deletion";

/// Field manager of server-side apply.
pub const FIELD_MANAGER: &str = "sendry-operator";
