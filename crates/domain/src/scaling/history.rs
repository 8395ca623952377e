//! What is remembered between decisions.

use super::{
    DrainTime, Estimates, Observation, Spec,
    capacity::Capacity,
    counters::{Counters, Done},
    flow::Flow,
    follow::Verdict,
    progress::Progress,
    ramp::Ramp,
    reading::{Evidence, Reading},
    sink::Sink,
};

/// What one observer remembers of one pipeline. It is lost with the observer, but for what a worker does: that is kept in
/// the status and handed to the next.
#[derive(Clone, Debug)]
pub struct History {
    since: u64,
    evidence: Evidence,
    counters: Counters,
    pub(super) flow: Flow,
    pub(super) capacity: Capacity,
    pub(super) progress: Progress,
    pub(super) sink: Sink,
    pub(super) ramp: Ramp,
    pub(super) stalled: bool,
    /// When something was there last, or might have been.
    active: u64,
    /// Since when nothing is known.
    unknown: Option<u64>,
    beating: u32,
}

impl History {
    /// Begins to look at `at`, in monotonic milliseconds. `per_worker` is what a worker was last measured to do, in events
    /// a second ([`Estimates::per_worker_per_second`]).
    #[must_use]
    pub fn new(at: u64, per_worker: Option<u64>) -> Self {
        Self {
            since: at,
            evidence: Evidence::default(),
            counters: Counters::default(),
            flow: Flow::default(),
            capacity: Capacity::kept(per_worker),
            progress: Progress::default(),
            sink: Sink::default(),
            ramp: Ramp::default(),
            stalled: false,
            active: at,
            unknown: None,
            beating: 0,
        }
    }

    /// How long it has been looking, in milliseconds.
    pub(super) fn looked_for(&self, at: u64) -> u64 {
        at.saturating_sub(self.since)
    }

    /// How long nothing has been there, in milliseconds.
    pub(super) fn idle_for(&self, at: u64) -> u64 {
        at.saturating_sub(self.active)
    }

    /// How long nothing has been known, in milliseconds.
    pub(super) fn unknown_for(&self, at: u64) -> u64 {
        self.unknown.map_or(0, |since| at.saturating_sub(since))
    }

    /// Takes an observation in; returns what may be believed of it.
    pub(super) fn take(&mut self, observation: &Observation, spec: &Spec) -> Reading {
        let at = observation.at;
        self.ramp.were(at, observation.workers);
        let reading = self.evidence.read(observation);
        let beats = observation.beats.as_deref().unwrap_or_default();
        let done = match &observation.beats {
            Some(workers) => self.counters.take(at, workers),
            None => Done::default(),
        };
        self.beating = u32::try_from(beats.len()).unwrap_or(u32::MAX);
        let consumers = beats.iter().map(|worker| worker.consumers).sum();
        self.flow.processed(&done);
        let known = match reading {
            Reading::Known(known) => Some(known),
            _ => None,
        };
        self.progress
            .tick(at, &done, self.beating, consumers, known);
        self.stalled = self.progress.is_stalled(
            self.capacity.per_worker(),
            self.capacity.message_seconds(spec.concurrency),
        );
        self.capacity.take(at, done.measured, self.stalled);
        if let Some(known) = known.filter(|known| known.fresh) {
            self.flow.look(at, known.ready + known.held);
        }
        self.sink.look(at, observation.workers, &self.progress);
        match reading {
            Reading::QueueUnknown | Reading::WorkersUnknown { .. } => {
                self.unknown.get_or_insert(at);
            }
            Reading::Known(_) | Reading::EmptyUnproven => self.unknown = None,
        }
        if !known.is_some_and(|known| known.ready == 0 && known.held == 0) || done.events > 0 {
            self.active = at;
        }
        reading
    }

    /// What was decided, without the tenant's cap. A number that is not from the load is wanted as it is.
    pub(super) fn decided(&mut self, observation: &Observation, verdict: &Verdict) {
        if !verdict.followed {
            self.ramp.wanted(observation.at, verdict.workers);
        }
    }

    pub(super) fn estimates(&self, reading: Reading) -> Estimates {
        let ready = match reading {
            Reading::Known(known) => Some(known.ready),
            Reading::WorkersUnknown { ready } => Some(ready),
            Reading::EmptyUnproven | Reading::QueueUnknown => None,
        };
        let backlog = ready.map(|ready| ready as f64 * self.flow.size());
        let arrival = match reading {
            Reading::Known(_) | Reading::EmptyUnproven => self.flow.current(),
            Reading::QueueUnknown | Reading::WorkersUnknown { .. } => None,
        };
        let per_worker = self.capacity.per_worker();
        let drain = match (backlog, arrival, per_worker) {
            (Some(0.0), _, _) => DrainTime::Empty,
            (Some(backlog), Some(arrival), Some(each)) => {
                let gone = f64::from(self.beating) * each - arrival;
                if gone > 0.0 {
                    DrainTime::Seconds((backlog / gone).ceil() as u64)
                } else {
                    DrainTime::Never
                }
            }
            _ => DrainTime::Unknown,
        };
        Estimates {
            backlog: backlog.map(|events| events.round() as u64),
            arrival_per_second: arrival.map(|rate| rate.round() as u64),
            per_worker_per_second: per_worker.map(|rate| (rate.round() as u64).max(1)),
            drain,
        }
    }
}
