//! What is said of a tenant, made from what a pass found. Pure.

use k8s_openapi::jiff::Timestamp;
use sendry_crds::{
    SendryTenantStatus, condition,
    tenant::{ApiKeyStatus, KeyState},
};

use super::validate::{Invalid, Refused};
use crate::{
    condition::{Outcome, Said, merge},
    topology::Synced,
};

/// What a pass found out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Why nothing could be done, if so.
    pub invalid: Option<Invalid>,
    /// The namespace is going.
    pub namespace_leaves: bool,
    /// How the broker stands; `None` = not looked at.
    pub synced: Option<Synced>,
    /// Entries of keys, in the order of the spec.
    pub keys: Vec<ApiKeyStatus>,
    /// Those that are not ready, with the reason.
    pub refused: Vec<Refused>,
    /// What kept the pass from its end.
    pub failure: Option<(&'static str, String)>,
}

/// The status after a pass.
#[must_use]
pub fn status(
    before: Option<&SendryTenantStatus>,
    report: &Report,
    generation: i64,
    now: Timestamp,
) -> SendryTenantStatus {
    let old = before.map(|s| s.conditions.as_slice()).unwrap_or_default();
    let mut said = outcome(report).said().to_vec();
    said.extend(topology(report));
    said.extend(keys(report));
    let looked = report.invalid.is_none() && report.failure.is_none();
    let (api_keys, active_keys) = if looked {
        (report.keys.clone(), Some(active(&report.keys)))
    } else {
        // What was not looked at is as it was last seen.
        let before = before.cloned().unwrap_or_default();
        (before.api_keys, before.active_keys)
    };
    SendryTenantStatus {
        observed_generation: Some(generation),
        conditions: merge(old, &said, generation, now),
        api_keys,
        active_keys,
    }
}

/// The one thing to say first: what needs a person goes before what passes by itself.
#[must_use]
pub fn outcome(report: &Report) -> Outcome {
    let stalled = |reason: &str, message: &str| Outcome::Stalled {
        reason: reason.to_owned().into(),
        message: message.to_owned(),
    };
    let working = |reason: &str, message: &str| Outcome::Working {
        reason: reason.to_owned().into(),
        message: message.to_owned(),
    };
    if let Some(invalid) = &report.invalid {
        return stalled(invalid.reason, &invalid.message);
    }
    if let Some((reason, message)) = &report.failure {
        return working(reason, message);
    }
    if report.namespace_leaves {
        return working(
            "NamespaceTerminating",
            "the namespace is being deleted: keys stay valid, queues and counts stay; it is made again when it is gone",
        );
    }
    if let Some(Synced::Conflict { message }) = &report.synced {
        return stalled("OwnershipConflict", message);
    }
    if let Some(refused) = report.refused.first() {
        return stalled(&refused.reason, &told(refused));
    }
    if let Some(Synced::Not { reason, message }) = &report.synced {
        return working(reason, message);
    }
    Outcome::Ready
}

fn topology(report: &Report) -> Option<Said> {
    let kind = condition::TOPOLOGY_SYNCED;
    Some(match report.synced.as_ref()? {
        Synced::Whole => Said::yes(
            kind,
            "InEffect",
            "the broker has everything, with our limits in effect",
        ),
        Synced::Conflict { message } => Said::no(kind, "OwnershipConflict", message.clone()),
        Synced::Not {
            reason: reason @ ("BrokerUnreachable" | "BrokerUnauthorized"),
            message,
        } => Said::unknown(kind, *reason, message.clone()),
        Synced::Not { reason, message } => Said::no(kind, *reason, message.clone()),
    })
}

fn keys(report: &Report) -> Option<Said> {
    let kind = condition::KEYS_READY;
    if report.invalid.is_some() || report.failure.is_some() || report.namespace_leaves {
        return None;
    }
    Some(match report.refused.as_slice() {
        [] => Said::yes(
            kind,
            "Published",
            "every API key is published, and ingest accepts it",
        ),
        [first, rest @ ..] => {
            let more = match rest.len() {
                0 => String::new(),
                n => format!(" (and {n} more: see status.apiKeys)"),
            };
            Said::no(kind, first.reason.clone(), format!("{}{more}", told(first)))
        }
    })
}

fn told(refused: &Refused) -> String {
    format!("API key {}: {}", refused.entry, refused.message)
}

fn active(keys: &[ApiKeyStatus]) -> i32 {
    let states = keys.iter().flat_map(|entry| &entry.keys).map(|k| k.state);
    let accepted = states.filter(|state| match state {
        KeyState::Pending | KeyState::Current | KeyState::Retiring => true,
        KeyState::Expired | KeyState::Revoked => false,
    });
    i32::try_from(accepted.count()).unwrap_or(i32::MAX)
}
