//! How many workers a pipeline should have: [`decide`], from what was seen, what is remembered and what is asked for.
//!
//! The unit is the event. With λ̂ events a second coming, B events waiting, T the drain time target, ρ the target
//! utilization and μ̂ what one worker was measured to do:
//!
//! ```text
//! workers = ceil( (λ̂ + B/T) / (ρ·μ̂) )        and so  B/(workers·μ̂ − λ̂) ≤ T
//! ```
//!
//! λ̂ follows from conservation: what came is what was processed and what the queue grew by. Nothing is asked of the
//! broker but how many messages are ready.
//!
//! What is not known is never taken for zero: then the number stays, and only a fallback may raise it. More workers are
//! asked for within the ramp, fewer only after 300 s in which nothing asked for more, and none after 300 s since the
//! decider itself began to look. Workers that do not get on ([`Reason::WorkersStalled`]), or that were added without
//! making the whole faster ([`Reason::SinkBound`]), are not joined by others: the stores behind them are the limit.
//!
//! Times are monotonic milliseconds passed in. What a tenant's pipelines may have together is [`share`]'s to say.

mod capacity;
mod counters;
mod decision;
mod flow;
mod follow;
mod history;
mod observation;
mod progress;
mod ramp;
mod reading;
mod share;
mod sink;
mod spec;

#[cfg(test)]
mod tests;

pub use decision::{Decision, DrainTime, Estimates, Limit, Reason};
pub use history::History;
pub use observation::{Observation, QueueLook, WorkerLook};
pub use share::{Claim, share};
pub use spec::{Mode, Ramps, Spec, duration_ms};

use self::{follow::Verdict, reading::Reading};

/// Fewer workers are asked for only when nothing asked for more for so long, in milliseconds.
pub const DOWN_WINDOW: u64 = 300_000;

/// With nothing known for so long, in milliseconds, there is at least one worker: should it be this observer alone that
/// cannot see the queue, what waits there is still worked off.
pub const FALLBACK_AFTER: u64 = 60_000;

/// Decides, and takes `observation` into `history`. To be called once for every observation, in every mode, so that a
/// change of mode finds a history.
#[must_use]
pub fn decide(observation: &Observation, history: &mut History, spec: &Spec) -> Decision {
    let reading = history.take(observation, spec);
    let verdict = if spec.suspend {
        Verdict::new(0, Reason::Suspended)
    } else {
        match spec.mode {
            Mode::Fixed => Verdict::new(spec.least(), Reason::Fixed),
            Mode::External => external(observation, spec),
            Mode::Auto => auto(observation, history, spec, reading),
        }
    };
    let kept = if spec.suspend {
        verdict
    } else {
        verdict.within(spec)
    };
    history.decided(observation, &kept);
    Decision {
        workers: kept.workers,
        reason: kept.reason,
        limited_by: kept.limit,
        // Whoever is held because something is not known, or does not get on, is not made smaller for a neighbour's sake.
        // And whoever has something to do keeps one worker, though it asks for none at the least: a neighbour's minimum
        // would otherwise leave its events waiting for ever.
        floor: if kept.reason.holds() {
            kept.workers
        } else {
            spec.least().max(1).min(kept.workers)
        },
        estimates: history.estimates(reading),
    }
}

fn external(observation: &Observation, spec: &Spec) -> Verdict {
    Verdict::new(
        spec.replicas.unwrap_or(observation.workers),
        Reason::External,
    )
}

fn auto(
    observation: &Observation,
    history: &mut History,
    spec: &Spec,
    reading: Reading,
) -> Verdict {
    let now = observation.workers;
    match reading {
        Reading::Known(known) => follow::follow(observation, history, spec, known),
        // Nobody has to beat where nobody should run.
        Reading::WorkersUnknown { ready: 0 } if now == 0 => Verdict::new(0, Reason::Idle),
        Reading::WorkersUnknown { ready } if now == 0 && ready > 0 => {
            Verdict::new(1, Reason::Waking)
        }
        Reading::EmptyUnproven => Verdict::new(now, Reason::EmptyUnproven),
        Reading::QueueUnknown | Reading::WorkersUnknown { .. } => {
            if now == 0 && history.unknown_for(observation.at) >= FALLBACK_AFTER {
                return Verdict::new(1, Reason::Fallback);
            }
            let reason = match reading {
                Reading::QueueUnknown => Reason::QueueUnknown,
                _ => Reason::WorkersUnknown,
            };
            Verdict::new(now, reason)
        }
    }
}
