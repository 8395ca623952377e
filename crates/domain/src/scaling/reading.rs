//! What may be believed of an observation.
//!
//! A busy quorum leader of RabbitMQ 3.10 may answer (0, 0). So that a queue is empty takes two answers in a row and, where
//! workers should run, a consumer; until then it is not known. Where nobody should run, zero means stay.

use super::Observation;

/// Zeros in a row that prove something.
const ZEROS: u32 = 2;
/// What was known is gone by for so long while zero is not proven, in milliseconds: a queue that is empty every other
/// time is not an unknown one.
const STANDS: u64 = 15_000;

/// An observation, as far as it may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Fresh, and proven where it says that nothing is there.
    Known(Known),
    /// The queue says that nothing is ready, without a consumer or for the first time, and nothing was known before.
    EmptyUnproven,
    /// The queue could not be asked.
    QueueUnknown,
    /// The queue could, the workers could not.
    WorkersUnknown {
        /// Messages ready.
        ready: u64,
    },
}

/// What is in the queue and with its workers, in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Not delivered.
    pub ready: u64,
    /// Delivered and not acked.
    pub held: u64,
    /// Whether every consumer has said what it holds.
    pub all_told: bool,
    /// Whether it is of this observation, or an earlier one that still stands.
    pub fresh: bool,
}

impl Known {
    /// Nothing is there, as just seen.
    pub fn is_empty(self) -> bool {
        self.ready == 0 && self.held == 0 && self.all_told && self.fresh
    }
}

/// What earlier answers add to this one.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    zeros: u32,
    last: Option<(u64, Known)>,
}

impl Evidence {
    /// Takes the next observation.
    pub fn read(&mut self, observation: &Observation) -> Reading {
        let Some(queue) = observation.queue else {
            self.zeros = 0;
            return Reading::QueueUnknown;
        };
        self.zeros = if queue.ready == 0 {
            self.zeros.saturating_add(1)
        } else {
            0
        };
        let Some(beats) = &observation.beats else {
            return Reading::WorkersUnknown { ready: queue.ready };
        };
        let beating: u64 = beats.iter().map(|worker| worker.consumers).sum();
        let all_told = queue.consumers.is_some_and(|c| c <= beating);
        let attended = observation.workers == 0 || queue.consumers.is_some_and(|c| c > 0);
        if queue.ready == 0 && (self.zeros < ZEROS || !attended) {
            return match self.last {
                Some((at, last)) if observation.at.saturating_sub(at) <= STANDS => {
                    Reading::Known(Known {
                        all_told,
                        fresh: false,
                        ..last
                    })
                }
                _ => Reading::EmptyUnproven,
            };
        }
        let known = Known {
            ready: queue.ready,
            held: beats.iter().map(|worker| worker.in_flight).sum(),
            all_told,
            fresh: true,
        };
        self.last = Some((observation.at, known));
        Reading::Known(known)
    }
}
