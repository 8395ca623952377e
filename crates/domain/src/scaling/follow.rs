//! Mode `Auto` with everything known: as many workers as the load asks for, as fast as may be.

use super::{DOWN_WINDOW, History, Limit, Observation, Reason, Spec, reading::Known};

/// Within this part of the number there is, nothing is changed.
const DEAD_BAND: f64 = 0.10;

/// A decision before its estimates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub workers: u32,
    pub reason: Reason,
    pub limit: Option<Limit>,
    /// Whether it is from the load.
    pub followed: bool,
}

impl Verdict {
    pub fn new(workers: u32, reason: Reason) -> Self {
        Self {
            workers,
            reason,
            limit: None,
            followed: false,
        }
    }

    fn followed(workers: u32, reason: Reason, limit: Option<Limit>) -> Self {
        Self {
            workers,
            reason,
            limit,
            followed: true,
        }
    }

    /// The same within min and max.
    pub fn within(self, spec: &Spec) -> Self {
        let workers = self.workers.clamp(spec.least(), spec.most());
        Self {
            workers,
            limit: if workers < self.workers {
                Some(Limit::Max)
            } else {
                self.limit
            },
            ..self
        }
    }
}

/// What comes, what waits and what one worker does; events and seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub arrival: f64,
    pub backlog: f64,
    pub per_worker: f64,
}

impl Load {
    /// Workers it asks for, not rounded: (λ̂ + B/T) / (ρ·μ̂).
    pub fn need(self, spec: &Spec) -> f64 {
        self.due(spec) / (spec.utilization() * self.per_worker)
    }

    /// Whether `workers`, busy all the time, still keep the drain time target.
    pub fn is_met_by(self, workers: u32, spec: &Spec) -> bool {
        f64::from(workers) * self.per_worker >= self.due(spec)
    }

    fn due(self, spec: &Spec) -> f64 {
        self.arrival + self.backlog / spec.drain_seconds()
    }
}

pub(super) fn follow(
    observation: &Observation,
    history: &mut History,
    spec: &Spec,
    known: Known,
) -> Verdict {
    let (at, now) = (observation.at, observation.workers);
    if is_over(observation, history, spec, known) {
        return Verdict::new(0, Reason::Idle);
    }
    let Some(per_worker) = history.capacity.per_worker() else {
        return unmeasured(observation, history, spec, known);
    };
    let load = Load {
        arrival: history.flow.arrival().unwrap_or(0.0),
        backlog: known.ready as f64 * history.flow.size(),
        per_worker,
    };
    let (ideal, few_messages) = ideal(now, load, history, spec, known);
    let most_wanted = history.ramp.wanted(at, ideal.min(spec.most()));
    let limit = few_messages.then_some(Limit::Messages);
    if history.stalled {
        return Verdict::followed(now.max(1), Reason::WorkersStalled, limit);
    }
    if ideal > now {
        return up(observation, history, spec, ideal, load, limit);
    }
    if ideal == now {
        return Verdict::followed(now, Reason::Steady, limit);
    }
    if !known.all_told {
        // What the unheard ones do is missing from what comes, so that it reads too low.
        return Verdict::new(now, Reason::WorkersUnheard);
    }
    down(observation, history, spec, most_wanted, limit)
}

/// Nobody has been measured yet. More would be guessed; fewer are enough once nothing has come for as long as a load that
/// fell would have to stay low.
fn unmeasured(observation: &Observation, history: &History, spec: &Spec, known: Known) -> Verdict {
    let (at, now) = (observation.at, observation.workers);
    if now == 0 {
        return Verdict::new(1, Reason::Waking);
    }
    let least = spec.least().max(1);
    if now <= least || !known.is_empty() || history.idle_for(at) < DOWN_WINDOW {
        return Verdict::new(now, Reason::Learning);
    }
    down(observation, history, spec, least, None)
}

/// Fewer, where `most_wanted` in the down window are, as fast as may be.
fn down(
    observation: &Observation,
    history: &History,
    spec: &Spec,
    most_wanted: u32,
    limit: Option<Limit>,
) -> Verdict {
    let (at, now) = (observation.at, observation.workers);
    if most_wanted >= now || history.looked_for(at) < DOWN_WINDOW {
        return Verdict::followed(now, Reason::Cooling, limit);
    }
    let fewest = history.ramp.least(at, now, spec.ramps);
    let limit = if fewest > most_wanted {
        Some(Limit::RampDown)
    } else {
        limit
    };
    let workers = most_wanted.max(fewest);
    let reason = if workers < now {
        Reason::LessLoad
    } else {
        Reason::Cooling
    };
    Verdict::followed(workers, reason, limit)
}

/// Whether nobody is needed: just seen to be empty, and for long enough. Where several work, the down window counts too;
/// then all leave at once, for there is no load that a ramp could follow.
fn is_over(observation: &Observation, history: &History, spec: &Spec, known: Known) -> bool {
    let (at, now) = (observation.at, observation.workers);
    if now == 0 {
        return known.ready == 0 && known.held == 0;
    }
    let idle = if now == 1 {
        spec.scale_to_zero_after
    } else {
        spec.scale_to_zero_after.max(DOWN_WINDOW)
    };
    spec.min == 0
        && known.is_empty()
        && history.idle_for(at) >= idle
        && history.looked_for(at) >= DOWN_WINDOW
}

/// What the load asks for, at least 1, and whether there are too few messages for more.
fn ideal(now: u32, load: Load, history: &History, spec: &Spec, known: Known) -> (u32, bool) {
    let wanted = load.need(spec);
    // Never more consumers than messages: whom a message takes longer than the target, it at least begins in time.
    let ahead = history
        .capacity
        .message_seconds(spec.concurrency)
        .max(spec.drain_seconds());
    let coming = load.arrival / history.flow.size() * ahead;
    let messages = (known.ready + known.held) as f64 + coming;
    let slots = (messages / f64::from(spec.concurrency.max(1))).ceil();
    let need = wanted.min(slots);
    let near = (need - f64::from(now)).abs() <= DEAD_BAND * f64::from(now);
    let least = spec.least().max(1);
    if now >= least && near && load.is_met_by(now, spec) {
        return (now, false);
    }
    // A hair above a whole number is that number.
    let whole = (need - 1e-9).ceil().max(0.0) as u32;
    (whole.max(least), slots < wanted && whole > least)
}

fn up(
    observation: &Observation,
    history: &History,
    spec: &Spec,
    ideal: u32,
    load: Load,
    limit: Option<Limit>,
) -> Verdict {
    let (at, now) = (observation.at, observation.workers);
    if let Some(most) = history.sink.most(at)
        && most < ideal
        && most <= now
    {
        return Verdict::followed(now, Reason::SinkBound, limit);
    }
    let sensible = history.sink.most(at).unwrap_or(u32::MAX).min(ideal);
    let fastest = history.ramp.most(at, now, spec.ramps).max(spec.least());
    let reason = if now == 0 {
        Reason::Waking
    } else if load.backlog / spec.drain_seconds() >= load.arrival {
        Reason::Backlog
    } else {
        Reason::Arrival
    };
    // `max` is the narrower limit where both bind.
    let limit = if ideal > spec.most() {
        Some(Limit::Max)
    } else if fastest < ideal {
        Some(Limit::RampUp)
    } else {
        limit
    };
    Verdict::followed(sensible.min(fastest), reason, limit)
}
