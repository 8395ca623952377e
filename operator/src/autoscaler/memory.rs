//! What is remembered of each pipeline between looks, and what follows from the next one. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
    scaling::{Claim, Decision, History, Observation, decide, share},
};

use super::{Followed, sample::Sample, spec::spec, status::Told};
use crate::watch::WATCH_SECONDS;

/// A number that was written is believed for so long, in milliseconds, against a cache that shows one from before it: a
/// watch may be dead and not say so until the API server would have ended it.
const CACHE_MAY_LAG: u64 = (WATCH_SECONDS as u64 + 15) * 1_000;

/// A pipeline with what it is told apart by.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Of this very object; another one of its name has another.
    pub uid: String,
    /// Its queue.
    pub queue: QueueName,
    /// The rest.
    pub followed: Followed,
}

impl Subject {
    /// `None` for what cannot be: an object that was never stored, or whose name is none.
    #[must_use]
    pub fn new(followed: Followed) -> Option<Self> {
        let metadata = &followed.pipeline.metadata;
        let name = PipelineName::new(metadata.name.as_deref()?).ok()?;
        Some(Self {
            uid: metadata.uid.clone()?,
            queue: QueueName::Pipeline(followed.tenant.clone(), name),
            followed,
        })
    }
}

/// What was decided for a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    /// Workers there were asked for.
    pub from: u32,
    /// What is asked for now, the tenant's limit kept.
    pub decision: Decision,
}

/// What is remembered of one pipeline.
pub struct Kept {
    history: History,
    /// What was written, until the cache shows it.
    wrote: Option<Wrote>,
    /// The uid of its Deployment, as the cache shows it.
    deployment: Option<String>,
    /// What was last known of queue and workers, in monotonic milliseconds.
    pub known: u64,
    /// What was told last in the status, and when.
    pub told: Option<(Told, u64)>,
}

/// Numbers that were written and that the cache has not shown yet.
struct Wrote {
    /// What stood there before the first and between them: what the cache may show still.
    over: BTreeSet<u32>,
    /// The last.
    to: u32,
    /// When it was taken.
    at: u64,
}

/// What is remembered of all of them, by their uids. One that is gone is forgotten.
#[derive(Default)]
pub struct Memory {
    kept: HashMap<String, Kept>,
}

impl Memory {
    /// What is remembered of a pipeline.
    pub fn get_mut(&mut self, uid: &str) -> Option<&mut Kept> {
        self.kept.get_mut(uid)
    }

    /// The API server took `to` in the place of `from`, at `at`.
    pub fn wrote(&mut self, uid: &str, from: u32, to: u32, at: u64) {
        if let Some(kept) = self.kept.get_mut(uid) {
            let mut over = kept.wrote.take().map_or_else(BTreeSet::new, |w| w.over);
            over.insert(from);
            kept.wrote = Some(Wrote { over, to, at });
        }
    }

    /// Decides for all `subjects`, in their order, by what was seen of them in the same order.
    pub fn decide(&mut self, subjects: &[Subject], sample: &Sample) -> Vec<Decided> {
        self.forget_all_but(subjects);
        let mut all: Vec<Decided> = subjects
            .iter()
            .enumerate()
            .map(|(number, subject)| self.one(number, subject, sample))
            .collect();
        cap(subjects, &mut all);
        all
    }

    fn one(&mut self, number: usize, subject: &Subject, sample: &Sample) -> Decided {
        let kept = self
            .kept
            .entry(subject.uid.clone())
            .or_insert_with(|| Kept::new(subject, sample.at));
        let from = kept.workers(subject, sample.at);
        let beats = sample.beats.as_ref().ok();
        let observation = Observation {
            at: sample.at,
            workers: from,
            queue: sample.queues.get(number).and_then(|look| look.clone().ok()),
            beats: beats.map(|beats| beats.get(&subject.queue).cloned().unwrap_or_default()),
        };
        let decision = decide(&observation, &mut kept.history, &spec(&subject.followed));
        // An empty queue that nobody bears out has no backlog that would be known.
        if observation.beats.is_some() && decision.estimates.backlog.is_some() {
            kept.known = sample.at;
        }
        Decided { from, decision }
    }

    fn forget_all_but(&mut self, subjects: &[Subject]) {
        let there: HashSet<&str> = subjects
            .iter()
            .map(|subject| subject.uid.as_str())
            .collect();
        self.kept.retain(|uid, _| there.contains(uid.as_str()));
    }
}

impl Kept {
    /// Begins with what a worker was measured to do, as the status has kept it.
    fn new(subject: &Subject, at: u64) -> Self {
        let status = subject.followed.pipeline.status.as_ref();
        let scaling = status.and_then(|status| status.scaling.as_ref());
        let per_worker = scaling.and_then(|scaling| scaling.per_worker_per_second);
        Self {
            history: History::new(at, per_worker.and_then(|rate| u64::try_from(rate).ok())),
            wrote: None,
            deployment: None,
            known: at,
            told: None,
        }
    }

    /// Workers asked for at present: what the cache shows, unless it shows what was there before our own last write.
    fn workers(&mut self, subject: &Subject, at: u64) -> u32 {
        let workers = subject.followed.workers.as_ref();
        let shown = workers.map_or(0, |workers| workers.wanted);
        let deployment = workers.map(|workers| workers.uid.clone());
        if self.deployment != deployment {
            // What was written was another's, which somebody has deleted.
            (self.deployment, self.wrote) = (deployment, None);
        }
        if let Some(wrote) = &self.wrote
            && wrote.over.contains(&shown)
            && at.saturating_sub(wrote.at) < CACHE_MAY_LAG
        {
            return wrote.to;
        }
        self.wrote = None;
        shown
    }
}

/// Keeps each tenant's limit. What does not divide goes to the older pipeline, and to those that have a resource before
/// those that were kept without one.
fn cap(subjects: &[Subject], all: &mut [Decided]) {
    let mut tenants: BTreeMap<&TenantId, Vec<usize>> = BTreeMap::new();
    for (number, subject) in subjects.iter().enumerate() {
        if subject.followed.max_workers.is_some() {
            tenants
                .entry(&subject.followed.tenant)
                .or_default()
                .push(number);
        }
    }
    for mut numbers in tenants.into_values() {
        numbers.sort_by_key(|number| {
            let followed = &subjects[*number].followed;
            let metadata = &followed.pipeline.metadata;
            let made = metadata.creation_timestamp.as_ref().map(|time| time.0);
            (followed.kept, made, metadata.name.clone())
        });
        let limits = numbers
            .iter()
            .filter_map(|n| subjects[*n].followed.max_workers);
        let Some(limit) = limits.min() else { continue };
        let claims: Vec<Claim> = numbers
            .iter()
            .map(|number| Claim {
                floor: all[*number].decision.floor,
                want: all[*number].decision.workers,
            })
            .collect();
        for (number, share) in numbers.into_iter().zip(share(limit, &claims)) {
            all[number].decision = all[number].decision.capped(share);
        }
    }
}
