//! Which of a tenant's pipelines have what they ask for. Pure.
//!
//! Ingest decides with the same [`Router`], from the rows of those that have it. **Guarantee.** What a row still routes is
//! nobody else's: where a resource does not stand for its row, or its spec cannot be read, the row is judged instead.

use std::sync::Arc;

use kube::ResourceExt;
use sendry_crds::{SendryPipeline, pipeline::DeletionPolicy};
use sendry_domain::{
    id::PipelineName,
    routing::{Pattern, Router},
    time::UnixMillis,
};
use sendry_store::{ManagedPipeline, QueueStage};
use uuid::Uuid;

use super::validate::readable;
use crate::tenant::validate::Invalid;

/// Pipelines of a tenant where nothing is said.
const PIPELINES: u32 = 20;

/// When a pipeline was made; one that takes up what takes events already is as old as that.
#[must_use]
pub fn created_at(pipeline: &SendryPipeline, rows: &[ManagedPipeline]) -> UnixMillis {
    let at = made_at(pipeline);
    taking(pipeline, rows).map_or(at, |row| row.record.created_at.min(at))
}

/// How old it is among others. Kubernetes tells to the second: of those made in one, who takes events goes on taking them,
/// and otherwise the name decides, see [`Router::new`].
fn age(pipeline: &SendryPipeline, rows: &[ManagedPipeline]) -> UnixMillis {
    match taking(pipeline, rows) {
        Some(_) => created_at(pipeline, rows),
        None => made_at(pipeline).plus(999),
    }
}

fn made_at(pipeline: &SendryPipeline) -> UnixMillis {
    let at = pipeline.creation_timestamp();
    UnixMillis(at.map_or(0, |at| at.0.as_millisecond()))
}

/// The row of its name, if ingest sends events there.
fn taking<'a>(
    pipeline: &SendryPipeline,
    rows: &'a [ManagedPipeline],
) -> Option<&'a ManagedPipeline> {
    let name = pipeline.name_any();
    let mut taking = rows.iter().filter(|row| !row.record.retired);
    taking.find(|row| row.record.name.as_str() == name)
}

/// What a spec says of services or environments, as rows say it: nothing is all.
#[must_use]
pub fn all_or(names: &[String]) -> Vec<String> {
    if names.iter().any(|name| name == "*") {
        Vec::new()
    } else {
        names.to_vec()
    }
}

/// Whether `pipeline` has what it asks for, beside its `siblings` and what the store keeps for pipelines that have no
/// resource any more.
///
/// # Errors
/// Why not.
pub fn standing(
    pipeline: &SendryPipeline,
    siblings: &[Arc<SendryPipeline>],
    rows: &[ManagedPipeline],
    most: Option<u32>,
) -> Result<(), Invalid> {
    let name = pipeline.name_any();
    let stays = |sibling: &&Arc<SendryPipeline>| sibling.metadata.deletion_timestamp.is_none();
    let mut live: Vec<&SendryPipeline> = siblings.iter().filter(stays).map(AsRef::as_ref).collect();
    live.push(pipeline);
    let queues = with_a_queue(rows);
    // Who has a queue already is no further one, whether made by it or taken up.
    live.sort_by_key(|pipeline| {
        let name = pipeline.name_any();
        let has = queues.contains(&name.as_str());
        (!has, age(pipeline, rows), name)
    });
    let is_live = |queue: &&&str| live.iter().any(|live| live.name_any() == **queue);
    let others: Vec<&str> = queues.iter().filter(|q| !is_live(q)).copied().collect();
    let most = most.unwrap_or(PIPELINES);
    let allowed = usize::try_from(most).unwrap_or(usize::MAX);
    let allowed = allowed.saturating_sub(others.len()).min(live.len());
    let (allowed, beyond) = live.split_at(allowed);
    if beyond.iter().any(|beyond| beyond.name_any() == name) {
        return Err(too_many(most, &others));
    }
    let mut patterns: Vec<Pattern> = allowed.iter().filter_map(|p| pattern(p, rows)).collect();
    // Its own row is what this one is about to say anew.
    let of_others = rows.iter().filter(|row| row.record.name.as_str() != name);
    let speak = of_others.filter(|row| speaks_for_itself(row, siblings));
    patterns.extend(speak.map(|row| Pattern {
        pipeline: row.record.name.clone(),
        services: row.record.services.clone(),
        environments: row.record.environments.clone(),
        created_at: row.record.created_at,
    }));
    let router = Router::new(patterns);
    let mut conflicts = router.conflicts().iter();
    match conflicts.find(|(younger, _)| younger.as_str() == name) {
        None => Ok(()),
        Some((_, older)) => Err(conflict(older, &live)),
    }
}

/// Whether ingest goes by a row that no resource is about to say anew: of what is kept, of what people made, of what
/// another resource of that name has not taken up, and of one whose spec cannot be read.
fn speaks_for_itself(row: &ManagedPipeline, siblings: &[Arc<SendryPipeline>]) -> bool {
    let says_anew = |p: &SendryPipeline| {
        let uid: Option<Uuid> = p.uid().and_then(|uid| uid.parse().ok());
        let of = uid.is_some() && row.stamp.map(|stamp| stamp.uid) == uid;
        if p.metadata.deletion_timestamp.is_some() {
            return of && p.spec.deletion_policy != DeletionPolicy::Retain;
        }
        of && readable(p).is_ok()
    };
    !row.record.retired && !siblings.iter().any(|p| says_anew(p))
}

/// The names of those for which an operator keeps a queue, whatever became of their resources.
fn with_a_queue(rows: &[ManagedPipeline]) -> Vec<&str> {
    let kept = rows
        .iter()
        .filter(|row| row.stamp.is_some() && row.stage != QueueStage::Leaving);
    kept.map(|row| row.record.name.as_str()).collect()
}

fn too_many(most: u32, others: &[&str]) -> Invalid {
    let beside = if others.is_empty() {
        String::new()
    } else {
        format!(
            " (queues that are drained or were kept count, too: {}; to be rid of a kept one, make a SendryPipeline of its \
             name and delete it)",
            others.join(", ")
        )
    };
    Invalid {
        reason: "TooManyPipelines",
        message: format!(
            "the tenant's limits.maxPipelines allows {most}, and as many come before this one: raise it, or delete \
             one{beside}"
        ),
    }
}

fn conflict(older: &PipelineName, live: &[&SendryPipeline]) -> Invalid {
    let what = if live.iter().any(|p| p.name_any() == older.as_str()) {
        format!("pipeline {older}, which is older, has one of its patterns")
    } else {
        format!(
            "pipeline {older}, which no resource stands for (a SendryPipeline of that name takes it up), has one of its patterns"
        )
    };
    Invalid {
        reason: "PatternConflict",
        message: format!(
            "{what} of services and environments and keeps it, so this one takes no events: name others, or delete the older one"
        ),
    }
}

/// What a spec claims; one that cannot be read claims nothing.
fn pattern(pipeline: &SendryPipeline, rows: &[ManagedPipeline]) -> Option<Pattern> {
    readable(pipeline).ok()?;
    Some(Pattern {
        pipeline: PipelineName::new(&pipeline.name_any()).ok()?,
        services: all_or(&pipeline.spec.services),
        environments: all_or(&pipeline.spec.environments),
        created_at: age(pipeline, rows),
    })
}

#[cfg(test)]
mod tests;
