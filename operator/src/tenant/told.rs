//! Transitions of a tenant, for Events. Pure.

use sendry_crds::{SendryTenantStatus, tenant::ApiKeyStatus};

use super::{cleanup::Kept, dereference::World, validate::Valid};
use crate::{condition, keys};

/// What to tell, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub reason: String,
    pub warning: bool,
    /// Events of one reason and action are folded into one that counts, with the first note.
    pub action: String,
    pub note: String,
}

impl Told {
    pub fn normal(reason: &str, note: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            warning: false,
            action: "Reconcile".to_owned(),
            note: note.into(),
        }
    }

    pub fn warning(reason: &str, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::normal(reason, note)
        }
    }
}

impl Told {
    /// Of one of the tenant's keys.
    pub fn of_key(entry: &str, told: keys::Told) -> Self {
        Self {
            reason: told.reason.to_owned(),
            warning: told.warning,
            action: format!("ReconcileKey/{entry}"),
            note: told.note,
        }
    }
}

/// A tenant of that name had been there.
pub(super) fn adopted(valid: &Valid, world: &World) -> Option<Told> {
    let record = world.record.as_ref()?;
    let another = record.stamp.is_none_or(|stamp| stamp.uid != valid.uid);
    (record.retained_at.is_some() || another).then(|| {
        Told::normal(
            "Adopted",
            "took up what a tenant of this name had: settings, keys, queues and counts go on",
        )
    })
}

pub(super) fn retained(kept: Kept) -> Told {
    let note = match kept {
        Kept::Valid => {
            "its definition or namespace is being deleted: keys stay valid, queues and counts stay"
        }
        Kept::Suspended | Kept::Nothing => {
            "ingest answers 503 suspended; keys, queues and counts stay until `sendry tenants purge`"
        }
    };
    Told::normal("Retained", note)
}

/// What to tell when `Ready` changes its status or its reason.
pub(super) fn transition(
    before: Option<&SendryTenantStatus>,
    after: &SendryTenantStatus,
) -> Option<Told> {
    let ready = |status: &SendryTenantStatus| {
        sendry_crds::condition::find(&status.conditions, sendry_crds::condition::READY).cloned()
    };
    let now = ready(after)?;
    let then = before.and_then(ready);
    if then
        .is_some_and(|then| (then.status, then.reason) == (now.status.clone(), now.reason.clone()))
    {
        return None;
    }
    let note = condition::cut(&now.message, 900);
    Some(if now.status == "True" {
        Told::normal("Ready", note)
    } else {
        Told::warning(&now.reason, note)
    })
}

/// What is in the way of keys now and was not before.
pub(super) fn troubles(
    before: Option<&SendryTenantStatus>,
    after: &SendryTenantStatus,
) -> Vec<Told> {
    let known = |name: &str| before?.api_keys.iter().find(|entry| entry.name == name);
    let trouble = |entry: &ApiKeyStatus| {
        let (reason, note) = keys::transition(known(&entry.name), entry)?;
        Some(Told {
            reason,
            warning: true,
            action: format!("ReconcileKey/{}", entry.name),
            note,
        })
    };
    after.api_keys.iter().filter_map(trouble).collect()
}
