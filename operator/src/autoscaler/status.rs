//! What is said of a pipeline's number of workers: three conditions, the numbers, and when it is worth a write. Pure.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use sendry_crds::{
    SendryPipelineStatus,
    condition::{METRICS_AVAILABLE, SCALING_ACTIVE, SCALING_LIMITED},
    pipeline::ScalingStatus,
};
use sendry_domain::scaling::{Decision, Limit, Reason};

use crate::condition::{Said, merge};

/// The conditions that are the autoscaler's to say.
const OURS: [&str; 3] = [METRICS_AVAILABLE, SCALING_ACTIVE, SCALING_LIMITED];
/// What cannot be seen is told only after so long, in milliseconds: one look that fails is no news.
const UNSEEN: u64 = 10_000;
/// Another reason is told at most so often, and other numbers, in milliseconds.
const REASONS: u64 = 15_000;
pub const NUMBERS: u64 = 60_000;

/// What is said, as it stands in the status.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Ours alone, in the order of their types.
    pub conditions: Vec<Condition>,
    /// Workers there should be.
    pub desired: i32,
    /// The decision and what it went by.
    pub scaling: ScalingStatus,
}

/// What there is to say.
pub struct News<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// Why the queue could not be asked.
    pub no_queue: Option<&'a str>,
    /// Why the workers could not be heard.
    pub no_beats: Option<&'a str>,
    /// How long it is since what is there was known, in milliseconds.
    pub unseen: u64,
    /// Why the number could not be written, with the category's word.
    pub unwritten: Option<(&'static str, &'a str)>,
    /// Of the spec.
    pub generation: i64,
    /// The time.
    pub now: Timestamp,
}

impl Told {
    /// What a status says of it; `None` when it says nothing.
    #[must_use]
    pub fn read(status: Option<&SendryPipelineStatus>) -> Option<Self> {
        let status = status?;
        let said = status.conditions.iter();
        let mut conditions: Vec<Condition> = said
            .filter(|condition| OURS.contains(&condition.type_.as_str()))
            .cloned()
            .collect();
        conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        Some(Self {
            conditions,
            desired: status.desired_replicas?,
            scaling: status.scaling.clone()?,
        })
    }

    /// What is to be said after `before`. While something has not been seen for a moment only, what was said stands.
    #[must_use]
    pub fn next(before: Option<&Self>, news: &News<'_>) -> Self {
        let desired = i32::try_from(news.decision.workers).unwrap_or(i32::MAX);
        let blind = news.no_queue.is_some()
            || news.no_beats.is_some()
            || news.decision.reason == Reason::EmptyUnproven;
        let momentary = blind && news.unwritten.is_none() && news.unseen < UNSEEN;
        if let Some(before) = before.filter(|before| momentary && before.desired == desired) {
            return before.clone();
        }
        let old = before
            .map(|told| told.conditions.as_slice())
            .unwrap_or_default();
        let said = [metrics(news), active(news), limited(news.decision)];
        let mut conditions = merge(old, &said, news.generation, news.now);
        conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        let reason = news.decision.reason.as_str();
        let same = before.filter(|b| b.desired == desired && b.scaling.reason == reason);
        let decided = same.and_then(|before| before.scaling.decided_at.clone());
        let estimates = &news.decision.estimates;
        let number = |n: Option<u64>| n.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        Self {
            conditions,
            desired,
            scaling: ScalingStatus {
                reason: reason.to_owned(),
                backlog: number(estimates.backlog),
                drain_time: estimates.drain.to_word(),
                arrival_per_second: number(estimates.arrival_per_second),
                per_worker_per_second: number(estimates.per_worker_per_second),
                decided_at: Some(decided.unwrap_or(Time(news.now))),
            },
        }
    }

    /// Whether saying this after `before`, which was said `passed` milliseconds ago, is worth a write now.
    #[must_use]
    pub fn is_due(&self, before: &Self, passed: u64) -> bool {
        let at_once = |told: &Self| {
            let state = |c: &Condition| (c.type_.clone(), c.status.clone(), c.observed_generation);
            let first: Vec<_> = told
                .conditions
                .iter()
                .filter(|c| c.type_ != SCALING_LIMITED)
                .map(state)
                .collect();
            (told.desired, first)
        };
        let soon = |told: &Self| {
            let said = |c: &Condition| (c.status.clone(), c.reason.clone(), c.message.clone());
            let waits = told.scaling.backlog.map(|backlog| backlog > 0);
            (told.conditions.iter().map(said).collect::<Vec<_>>(), waits)
        };
        let whole = |told: &Self| {
            let mut scaling = told.scaling.clone();
            scaling.decided_at = None;
            (scaling, told.conditions.len())
        };
        at_once(self) != at_once(before)
            || (passed >= REASONS && soon(self) != soon(before))
            || (passed >= NUMBERS && whole(self) != whole(before))
    }

    /// The condition of a type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        sendry_crds::condition::find(&self.conditions, kind)
    }
}

fn metrics(news: &News<'_>) -> Said {
    let kind = METRICS_AVAILABLE;
    if let Some(why) = news.no_queue {
        return Said::no(kind, "QueueUnknown", why);
    }
    if let Some(why) = news.no_beats {
        return Said::no(kind, "WorkersUnknown", why);
    }
    if news.decision.reason == Reason::EmptyUnproven {
        let message = "the queue says that it is empty, and no consumer bears it out yet";
        return Said::unknown(kind, "EmptyUnproven", message);
    }
    Said::yes(
        kind,
        "Fresh",
        "queue and workers are looked at every few seconds",
    )
}

fn active(news: &News<'_>) -> Said {
    let kind = SCALING_ACTIVE;
    if let Some((reason, why)) = news.unwritten {
        return Said::no(kind, reason, why);
    }
    let reason = news.decision.reason;
    let message = in_words(reason);
    match reason {
        Reason::Suspended
        | Reason::Fixed
        | Reason::QueueUnknown
        | Reason::WorkersUnknown
        | Reason::Fallback
        | Reason::WorkersStalled => Said::no(kind, reason.as_str(), message),
        Reason::External
        | Reason::WorkersUnheard
        | Reason::EmptyUnproven
        | Reason::Idle
        | Reason::Waking
        | Reason::Learning
        | Reason::SinkBound
        | Reason::Backlog
        | Reason::Arrival
        | Reason::Steady
        | Reason::Cooling
        | Reason::LessLoad => Said::yes(kind, reason.as_str(), message),
    }
}

fn limited(decision: &Decision) -> Said {
    let kind = SCALING_LIMITED;
    let Some(limit) = decision.limited_by else {
        return Said::no(kind, "WithinLimits", "");
    };
    let message = match limit {
        Limit::Max => "more than scaling.max are wanted",
        Limit::TenantCap => "the tenant's pipelines want more than its limits.maxWorkers",
        Limit::RampUp => "more follow, as fast as scaling.ramps.upPercent allows",
        Limit::RampDown => "more leave, as fast as scaling.ramps.downPercent allows",
        Limit::Messages => "there are not more messages to share out",
    };
    Said::yes(kind, limit.as_str(), message)
}

/// A decision's reason as a sentence.
#[must_use]
pub fn in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Suspended => "the pipeline is suspended: no workers, and events wait",
        Reason::Fixed => "mode Fixed: always scaling.min",
        Reason::External => "mode External: spec.replicas, within scaling.min and scaling.max",
        Reason::QueueUnknown => "the queue cannot be asked: the number stays",
        Reason::WorkersUnknown => "the workers cannot be heard: the number stays",
        Reason::WorkersUnheard => {
            "fewer workers would do, but not all of them have been heard: the number stays"
        }
        Reason::EmptyUnproven => {
            "the queue says that it is empty, and no consumer bears it out yet: the number stays"
        }
        Reason::Fallback => {
            "nothing has been known for a minute: one worker, in case something waits"
        }
        Reason::Idle => "nothing waits and nothing comes",
        Reason::Waking => "something waits and nobody works",
        Reason::Learning => "what a worker does is being measured",
        Reason::WorkersStalled => {
            "something waits and the workers do not get on: more would not help"
        }
        Reason::SinkBound => "workers that were added did not help: the stores are the limit",
        Reason::Backlog => "more workers for what waits",
        Reason::Arrival => "more workers for what comes",
        Reason::Steady => "as many workers as the load asks for",
        Reason::Cooling => "fewer workers would do, but not for long enough yet",
        Reason::LessLoad => "fewer workers, for there has been less to do",
    }
}
