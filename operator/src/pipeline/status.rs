//! What is said of a pipeline, made from what a pass found. Pure.
//!
//! It is a part of the status: the autoscaler says the rest, as another field manager.

use std::borrow::Cow;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use sendry_crds::{SendryPipelineStatus, condition};

use super::validate::Refused;
use crate::{
    condition::{Outcome, Said, merge},
    error::Category,
    tenant::validate::Invalid,
    topology::Synced,
    workers::{Availability, Look},
};

/// The conditions that are said here.
const OURS: [&str; 5] = [
    condition::READY,
    condition::RECONCILING,
    condition::STALLED,
    condition::TOPOLOGY_SYNCED,
    condition::WORKERS_AVAILABLE,
];

/// What a pass found out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Why nothing could be done, if so.
    pub refused: Option<Refused>,
    /// It is being deleted, and that takes time.
    pub leaving: Option<Invalid>,
    /// How its queue stands; `None` = not looked at.
    pub synced: Option<Synced>,
    /// Its workers; `None` = not looked at.
    pub workers: Option<Workers>,
    /// Why it has what it asks for and yet something a person should know: in one word, and a sentence.
    pub but: Option<(&'static str, &'static str)>,
    /// What kept the pass from its end.
    pub failure: Option<(&'static str, String)>,
}

/// What is seen of its workers.
#[derive(Clone, Debug)]
pub struct Workers {
    /// As the cluster shows them; `None` = no Deployment is seen yet.
    pub look: Option<Look>,
    /// The fewest there should be.
    pub min: u32,
    /// The autoscaler said that the tenant's limit leaves no more.
    pub capped: bool,
    /// Labels of them all.
    pub selector: String,
}

impl Workers {
    /// Fewer are asked for than there should be, and nobody has said why: who asks for them is about to.
    #[must_use]
    pub fn are_short(&self) -> bool {
        let short = |look: &Look| look.wanted < self.min;
        !self.capped && self.look.as_ref().is_some_and(short)
    }
}

/// Our part of the status after a pass.
#[must_use]
pub fn status(
    before: Option<&SendryPipelineStatus>,
    report: &Report,
    generation: i64,
    now: Timestamp,
) -> SendryPipelineStatus {
    let before = before.map(ours).unwrap_or_default();
    let (outcome, but) = (outcome(report), report.but);
    let mut said = outcome.said().to_vec();
    if let (Outcome::Ready, Some((reason, message))) = (&outcome, but) {
        said[0] = Said::yes(condition::READY, reason, message);
    }
    let unseen = unseen(report);
    let unknown = |kind| unseen.map(|why| Said::unknown(kind, why.reason, &why.message));
    let synced = report.synced.as_ref().map(topology);
    said.extend(synced.or_else(|| unknown(condition::TOPOLOGY_SYNCED)));
    let workers = report.workers.as_ref().map(available);
    said.extend(workers.or_else(|| unknown(condition::WORKERS_AVAILABLE)));
    let look = report.workers.as_ref().and_then(|w| w.look.as_ref());
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let selector = report.workers.as_ref().map(|w| w.selector.clone());
    // What a pass did not come to is as it was last seen; what a pipeline does not have is not.
    let before = match (&report.workers, unseen) {
        (None, Some(_)) => SendryPipelineStatus {
            conditions: before.conditions,
            ..SendryPipelineStatus::default()
        },
        _ => before,
    };
    SendryPipelineStatus {
        observed_generation: Some(generation),
        conditions: merge(&before.conditions, &said, generation, now),
        replicas: look.map(|look| count(look.there)).or(before.replicas),
        ready_replicas: look.map(|look| count(look.ready)).or(before.ready_replicas),
        selector: selector.or(before.selector),
        ..SendryPipelineStatus::default()
    }
}

/// Why a pass did not look at what is there, where that was not for a failure: there is nothing that is this pipeline's.
fn unseen(report: &Report) -> Option<&Invalid> {
    let (Refused::Stalled(why) | Refused::Waits(why)) = report.refused.as_ref()?;
    Some(why)
}

/// The part of a status that is said here.
#[must_use]
pub fn ours(status: &SendryPipelineStatus) -> SendryPipelineStatus {
    let is_ours = |condition: &&Condition| OURS.contains(&condition.type_.as_str());
    let mut conditions: Vec<Condition> =
        status.conditions.iter().filter(is_ours).cloned().collect();
    let at = |condition: &Condition| OURS.iter().position(|kind| *kind == condition.type_);
    conditions.sort_by_key(at);
    SendryPipelineStatus {
        observed_generation: status.observed_generation,
        conditions,
        replicas: status.replicas,
        ready_replicas: status.ready_replicas,
        selector: status.selector.clone(),
        ..SendryPipelineStatus::default()
    }
}

/// Whether both say the same of what is said here. Times are written to the second, so one that was read back is another
/// value.
#[must_use]
pub fn same(a: &SendryPipelineStatus, b: &SendryPipelineStatus) -> bool {
    let written = |status: &SendryPipelineStatus| serde_json::to_value(ours(status)).ok();
    written(a).is_some() && written(a) == written(b)
}

/// The one thing to say first: what needs a person goes before what passes by itself.
#[must_use]
pub fn outcome(report: &Report) -> Outcome {
    let stalled = |invalid: &Invalid| Outcome::Stalled {
        reason: invalid.reason.into(),
        message: invalid.message.clone(),
    };
    let working = |reason: &'static str, message: &str| Outcome::Working {
        reason: Cow::Borrowed(reason),
        message: message.to_owned(),
    };
    match &report.refused {
        Some(Refused::Stalled(invalid)) => return stalled(invalid),
        Some(Refused::Waits(invalid)) => return working(invalid.reason, &invalid.message),
        None => {}
    }
    if let Some((reason, message)) = &report.failure {
        // Somebody else's object goes by a person's hand alone.
        if *reason == Category::Foreign.reason() {
            return Outcome::Stalled {
                reason: Cow::Borrowed(reason),
                message: message.clone(),
            };
        }
        return working(reason, message);
    }
    match &report.synced {
        Some(Synced::Conflict { message }) => {
            return Outcome::Stalled {
                reason: "OwnershipConflict".into(),
                message: message.clone(),
            };
        }
        Some(Synced::Not { reason, message }) => return working(reason, message),
        Some(Synced::Whole) | None => {}
    }
    if let Some(leaving) = &report.leaving {
        return working(leaving.reason, &leaving.message);
    }
    match report.workers.as_ref().and_then(missing) {
        Some((reason, message)) => working(reason, &message),
        None => Outcome::Ready,
    }
}

/// Why there are fewer workers than a pipeline needs to be ready.
fn missing(workers: &Workers) -> Option<(&'static str, String)> {
    let Some(look) = &workers.look else {
        let message = "the Deployment of its workers is not seen yet".to_owned();
        return Some(("WorkersStarting", message));
    };
    // One that wants none is not capped, so that whose limit leaves none has something to do and nobody to do it.
    let needed = workers.min.max(u32::from(workers.capped));
    if look.ready >= needed && look.wanted >= needed {
        return None;
    }
    if look.wanted < needed && workers.capped {
        let message = format!(
            "{} of the {needed} workers that it needs are allowed: the tenant's pipelines share its limits.maxWorkers; \
             raise it, or ask for fewer elsewhere",
            look.wanted
        );
        return Some(("TenantCap", message));
    }
    Some(match &look.available {
        Availability::No { reason, message } => (reason, message.clone()),
        Availability::Yes => {
            let message = format!("{} of {needed} workers are ready", look.ready);
            ("WorkersStarting", message)
        }
    })
}

fn available(workers: &Workers) -> Said {
    let kind = condition::WORKERS_AVAILABLE;
    match &workers.look {
        None => Said::unknown(
            kind,
            "WorkersStarting",
            "the Deployment of its workers is not seen yet",
        ),
        Some(look) if look.wanted == 0 => {
            Said::yes(kind, "NoneWanted", "no workers are wanted now")
        }
        Some(look) => match &look.available {
            Availability::Yes => {
                Said::yes(kind, "Available", "as many workers as asked for can be had")
            }
            Availability::No { reason, message } => Said::no(kind, *reason, message.clone()),
        },
    }
}

fn topology(synced: &Synced) -> Said {
    let kind = condition::TOPOLOGY_SYNCED;
    match synced {
        Synced::Whole => Said::yes(
            kind,
            "InEffect",
            "the broker has its queue, with our limits in effect",
        ),
        Synced::Conflict { message } => Said::no(kind, "OwnershipConflict", message.clone()),
        Synced::Not {
            reason: reason @ ("BrokerUnreachable" | "BrokerUnauthorized"),
            message,
        } => Said::unknown(kind, *reason, message.clone()),
        Synced::Not { reason, message } => Said::no(kind, *reason, message.clone()),
    }
}

#[cfg(test)]
mod tests;
