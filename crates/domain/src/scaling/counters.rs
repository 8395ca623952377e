//! From workers' counters to what was done between two looks, whoever came, went or started anew.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::WorkerLook;

/// A worker that has not been seen for so long, in milliseconds, is forgotten. Until then one that comes back is not
/// counted twice. As long as the store remembers it: no worker beats while the store is away, so that a shorter time would
/// take all that they ever did for what they did since.
const FORGET_AFTER: u64 = 86_400_000;

/// Longest time that a batch may have taken for its busy time to tell what a worker can do, in milliseconds. A batch that
/// waited for a store says nothing of the worker.
const LONGEST: u64 = 20_000;

/// What all workers did between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Done {
    /// Events processed.
    pub events: u64,
    /// Messages processed.
    pub messages: u64,
    /// What of it tells how fast a worker is.
    pub measured: Measured,
}

/// Work and the time it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    /// Events processed.
    pub events: f64,
    /// Messages processed.
    pub messages: f64,
    /// Seconds in which a worker was busy with all of its consumers.
    pub busy: f64,
    /// Seconds that passed, times workers.
    pub passed: f64,
}

#[derive(Clone, Debug)]
struct Seen {
    look: WorkerLook,
    /// When it was seen last.
    at: u64,
    /// When its sequence changed last.
    changed: u64,
    /// When its busy time grew last.
    progressed: u64,
}

/// What each worker said last.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    seen: BTreeMap<Uuid, Seen>,
    began: bool,
}

impl Counters {
    /// Takes what the workers say at `at`. Before the first look nothing was done.
    pub fn take(&mut self, at: u64, workers: &[WorkerLook]) -> Done {
        let mut done = Done::default();
        for look in workers {
            self.one(at, look, &mut done);
        }
        self.began = true;
        self.seen
            .retain(|_, seen| at.saturating_sub(seen.at) <= FORGET_AFTER);
        done
    }

    fn one(&mut self, at: u64, look: &WorkerLook, done: &mut Done) {
        let Some(seen) = self.seen.get_mut(&look.instance) else {
            if self.began {
                done.events += look.events;
                done.messages += look.messages;
            }
            let fresh = Seen {
                look: look.clone(),
                at,
                changed: at,
                progressed: at,
            };
            self.seen.insert(look.instance, fresh);
            return;
        };
        seen.at = at;
        if look.sequence <= seen.look.sequence {
            return;
        }
        if is_behind(look, &seen.look) {
            // Started anew in the same pod: all of it is since then.
            done.events += look.events;
            done.messages += look.messages;
            (seen.changed, seen.progressed) = (at, at);
            seen.look = look.clone();
            return;
        }
        let events = look.events.saturating_sub(seen.look.events);
        let messages = look.messages.saturating_sub(seen.look.messages);
        let busy_us = look.busy_us.saturating_sub(seen.look.busy_us);
        done.events += events;
        done.messages += messages;
        let busy = busy_us as f64 / 1e6 / look.consumers.max(1) as f64;
        let possible = at.saturating_sub(seen.progressed).min(LONGEST) as f64 / 1e3;
        if busy <= 1.5 * possible {
            done.measured.events += events as f64;
            done.measured.messages += messages as f64;
            done.measured.busy += busy;
            done.measured.passed += at.saturating_sub(seen.changed) as f64 / 1e3;
        }
        if busy_us > 0 {
            seen.progressed = at;
        }
        seen.changed = at;
        seen.look = look.clone();
    }
}

/// Whether a counter fell.
fn is_behind(look: &WorkerLook, before: &WorkerLook) -> bool {
    look.events < before.events || look.busy_us < before.busy_us
}
