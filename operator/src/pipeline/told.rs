//! Transitions of a pipeline, for Events. Pure.

use sendry_crds::{SendryPipelineStatus, condition as kinds};
use sendry_store::ManagedPipeline;
use uuid::Uuid;

use super::cleanup::Kept;
use crate::{condition::cut, tenant::told::Told};

/// A pipeline of that name had been there.
pub(super) fn adopted(uid: Uuid, row: Option<&ManagedPipeline>) -> Option<Told> {
    let another = row?.stamp.is_none_or(|stamp| stamp.uid != uid);
    another.then(|| {
        Told::normal(
            "Adopted",
            "took up what a pipeline of this name had: its queue, what waits in it, and its workers go on",
        )
    })
}

pub(super) fn kept(kept: &Kept) -> Option<Told> {
    Some(match kept {
        Kept::Nothing => return None,
        Kept::Drained => Told::normal(
            "Drained",
            "its queue was empty, and nothing came into it any more: queue, user, workers and settings are gone",
        ),
        Kept::Retained(why) => Told::normal(
            "Retained",
            format!(
                "{why}: queue, binding, settings and workers stay as they are; a SendryPipeline of this name takes them up"
            ),
        ),
        Kept::TimedOut(why) => Told::warning(
            "DrainTimedOut",
            format!(
                "its queue was not seen to be empty in time: it is kept with its workers, and takes no new events; a \
                 SendryPipeline of this name takes it up. At the last look: {}",
                cut(why, 600)
            ),
        ),
    })
}

/// What to tell when `Ready` or `WorkersAvailable` changes its status or its reason.
pub(super) fn transitions(
    before: Option<&SendryPipelineStatus>,
    after: &SendryPipelineStatus,
) -> Vec<Told> {
    let ready = transition(kinds::READY, before, after);
    // Whoever reads of the one need not read the same of the other.
    let workers = transition(kinds::WORKERS_AVAILABLE, before, after)
        .filter(|told| told.warning && ready.as_ref().is_none_or(|r| r.reason != told.reason));
    ready.into_iter().chain(workers).collect()
}

fn transition(
    kind: &str,
    before: Option<&SendryPipelineStatus>,
    after: &SendryPipelineStatus,
) -> Option<Told> {
    let said = |status: &SendryPipelineStatus| kinds::find(&status.conditions, kind).cloned();
    let now = said(after)?;
    let then = before.and_then(said);
    let words = |c: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        (c.status.clone(), c.reason.clone())
    };
    if then.as_ref().map(words) == Some(words(&now)) {
        return None;
    }
    let note = cut(&now.message, 900);
    Some(match now.status.as_str() {
        "True" => Told::normal(kind, note),
        // What passes by itself is nobody's worry.
        _ if ["WorkersStarting", "Draining", "Retaining"].contains(&now.reason.as_str()) => {
            Told::normal(&now.reason, note)
        }
        _ => Told::warning(&now.reason, note),
    })
}
