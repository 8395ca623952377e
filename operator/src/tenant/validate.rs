//! What a tenant asks for, in the domain's words; or why it cannot be had. Pure.

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use sendry_crds::{SendryTenant, names};
use sendry_domain::{id::TenantId, limit::Rate, window::Window};
use uuid::Uuid;

use super::dereference::World;
use crate::{
    keys::{self, KeyEntry},
    quantity,
    settings::Settings,
};

/// What waits in a tenant's queues where nothing is said, in bytes.
const BACKLOG_BYTES: u64 = 4 << 30;
/// Entries of keys where nothing is said.
const KEYS: u32 = 64;

/// A tenant that can be made so.
#[derive(Clone, Debug)]
pub struct Valid {
    /// Its name.
    pub id: TenantId,
    /// Of this resource.
    pub uid: Uuid,
    /// Of its spec.
    pub generation: i64,
    /// Where its Secrets live.
    pub namespace: NamespacePlan,
    /// Why the namespace is not to be had. What needs none of it is still done: a tenant that lost its namespace can be
    /// suspended, and its keys revoked.
    pub trouble: Option<Invalid>,
    /// No events are taken.
    pub suspended: bool,
    /// Events a second; `None` = unlimited.
    pub rate: Option<Rate>,
    /// Accepted event times.
    pub window: Window,
    /// Milliseconds for which raw events are kept.
    pub raw_retention: i64,
    /// Bytes of one request's body; `None` = what ingest takes at most.
    pub max_payload: Option<u32>,
    /// Bytes that may wait in each queue.
    pub backlog_bytes: u64,
    /// Whether what another owner marks on the broker is taken over.
    pub adopt: bool,
    /// Whether the namespace must not be deleted.
    pub protected: bool,
    /// Its keys, those that can be honoured.
    pub entries: Vec<KeyEntry>,
    /// Entries that cannot: their names, a reason and what to do.
    pub refused: Vec<Refused>,
}

/// An entry of keys that cannot be honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub entry: String,
    /// In one word.
    pub reason: String,
    /// What to do.
    pub message: String,
}

/// What becomes of the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespacePlan {
    /// It is not there.
    Make,
    /// It is there, and ours.
    Keep,
    /// It is going, or not to be had. Nothing is written into it, and everything else stays as it is.
    Leave,
}

/// Why nothing can be done until somebody changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// In one word.
    pub reason: &'static str,
    /// What to do.
    pub message: String,
}

/// Checks what the schema cannot.
///
/// # Errors
/// [`Invalid`], for the condition `Stalled`.
pub fn validate(
    tenant: &SendryTenant,
    world: &World,
    settings: &Settings,
) -> Result<Valid, Invalid> {
    let name = tenant.name_any();
    let spec = &tenant.spec;
    let invalid = |reason, message: String| Invalid { reason, message };
    let bad = |field: &str| {
        invalid(
            "InvalidSpec",
            format!(
                "spec.{field} cannot be read: apply the resource again under the installed schema"
            ),
        )
    };
    let id = TenantId::new(&name).map_err(|error| {
        invalid(
            "InvalidName",
            format!("`{name}` cannot be a tenant: {error}"),
        )
    })?;
    let uid = tenant.uid().and_then(|uid| uid.parse().ok());
    let uid = uid.ok_or_else(|| bad("uid"))?;
    let (namespace, trouble) = match namespace(tenant, world, settings) {
        Ok(plan) => (plan, None),
        Err(trouble) => (NamespacePlan::Leave, Some(trouble)),
    };
    let limits = &spec.limits;
    let backlog_bytes = backlog_bytes(tenant).ok_or_else(|| bad("limits.backlogBytes"))?;
    let max_payload = limits.max_payload.as_ref().map(|quantity| {
        let bytes = quantity::bytes(quantity).and_then(|bytes| u32::try_from(bytes).ok());
        bytes.ok_or_else(|| bad("limits.maxPayload"))
    });
    let max_payload = max_payload.transpose()?;
    let (entries, refused) = entries(tenant);
    Ok(Valid {
        id,
        uid,
        generation: tenant.metadata.generation.unwrap_or(0),
        namespace,
        trouble,
        suspended: spec.suspend,
        rate: limits.events_per_second.map(|per_second| Rate {
            per_second,
            burst: limits.burst.unwrap_or(per_second.saturating_mul(2)),
        }),
        window: Window::live(quantity::millis(&spec.window).ok_or_else(|| bad("window"))?),
        raw_retention: quantity::millis(&spec.retention.raw).ok_or_else(|| bad("retention.raw"))?,
        max_payload,
        backlog_bytes,
        adopt: annotated(tenant, names::ADOPT_ANNOTATION),
        protected: spec.deletion_protection,
        entries,
        refused,
    })
}

/// Bytes that may wait in each queue of a tenant; `None` = what it says cannot be read.
#[must_use]
pub fn backlog_bytes(tenant: &SendryTenant) -> Option<u64> {
    match &tenant.spec.limits.backlog_bytes {
        None => Some(BACKLOG_BYTES),
        Some(quantity) => quantity::bytes(quantity),
    }
}

/// Whether an annotation says `"true"`.
#[must_use]
pub fn annotated(object: &impl ResourceExt, annotation: &str) -> bool {
    let value = object.annotations().get(annotation);
    value.is_some_and(|value| value == "true")
}

fn namespace(
    tenant: &SendryTenant,
    world: &World,
    settings: &Settings,
) -> Result<NamespacePlan, Invalid> {
    let name = &tenant.spec.namespace;
    if *name == settings.namespace {
        return Err(Invalid {
            reason: "NamespaceReserved",
            message: format!("namespace {name} is the operator's own: name another one"),
        });
    }
    let plan = labelled(&tenant.name_any(), world.namespace.as_ref())?;
    // Of one that is there its label says whose it is: ages are told to the second, and who has it keeps it.
    match &world.older {
        Some(older) if plan == NamespacePlan::Make => Err(Invalid {
            reason: "NamespaceConflict",
            message: format!(
                "tenant {older}, which is older, names namespace {name} too: name another one"
            ),
        }),
        _ => Ok(plan),
    }
}

/// By the label of the namespace that is there.
fn labelled(tenant: &str, found: Option<&Namespace>) -> Result<NamespacePlan, Invalid> {
    let Some(found) = found else {
        return Ok(NamespacePlan::Make);
    };
    let name = found.name_any();
    let label = found.labels().get(names::TENANT_LABEL);
    match label {
        Some(label) if label == tenant => Ok(if found.metadata.deletion_timestamp.is_some() {
            NamespacePlan::Leave
        } else {
            NamespacePlan::Keep
        }),
        Some(other) => Err(Invalid {
            reason: "NamespaceConflict",
            message: format!("namespace {name} is tenant {other}'s by its label: name another one"),
        }),
        None => Err(Invalid {
            reason: "NamespaceNotLabelled",
            message: format!(
                "namespace {name} was there before: to let this tenant have it, run `kubectl label namespace {name} {}={tenant}`",
                names::TENANT_LABEL
            ),
        }),
    }
}

fn entries(tenant: &SendryTenant) -> (Vec<KeyEntry>, Vec<Refused>) {
    let most = tenant.spec.limits.keys.unwrap_or(KEYS);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut entries, mut refused) = (Vec::new(), Vec::new());
    for (at, spec) in tenant.spec.api_keys.iter().enumerate() {
        if at >= most {
            refused.push(Refused {
                entry: spec.name.clone(),
                reason: "TooManyKeys".to_owned(),
                message: format!("limits.keys allows {most}: raise it, or take entries out"),
            });
            continue;
        }
        match keys::validate(spec) {
            Ok(entry) => entries.push(entry),
            Err(error) => refused.push(Refused {
                entry: spec.name.clone(),
                reason: "InvalidEntry".to_owned(),
                message: error.to_string(),
            }),
        }
    }
    (entries, refused)
}
