//! What one worker does: μ̂, from the time workers were busy, so that it is known also while they have little to do.

use super::counters::Measured;

/// A measurement takes so long, in milliseconds; the first one less, since until then there is one worker.
const WINDOW: u64 = 10_000;
const FIRST_WINDOW: u64 = 4_000;
/// Busy seconds of a worker after which a measurement has faded to a third. It fades by work and not by time: what was
/// measured under load is not forgotten over a quiet night.
const MEMORY: f64 = 60.0;
/// Busy seconds that a rate kept from before a restart counts for.
const KEPT: f64 = 10.0;

/// μ̂ and how it came about.
#[derive(Clone, Debug, Default)]
pub(super) struct Capacity {
    events: f64,
    messages: f64,
    busy: f64,
    window: Measured,
    since: Option<u64>,
}

impl Capacity {
    /// Begins with what was measured before.
    pub fn kept(per_worker: Option<u64>) -> Self {
        let mut capacity = Self::default();
        if let Some(rate) = per_worker.filter(|rate| *rate > 0) {
            capacity.events = rate as f64 * KEPT;
            capacity.busy = KEPT;
        }
        capacity
    }

    /// Takes what was measured until `at`; nothing is learnt from workers that do not get on.
    pub fn take(&mut self, at: u64, measured: Measured, stalled: bool) {
        let since = *self.since.get_or_insert(at);
        if stalled {
            self.window = Measured::default();
            self.since = Some(at);
            return;
        }
        self.window.events += measured.events;
        self.window.messages += measured.messages;
        self.window.busy += measured.busy;
        self.window.passed += measured.passed;
        let passed = at.saturating_sub(since);
        let enough = if self.busy > 0.0 {
            WINDOW
        } else {
            FIRST_WINDOW
        };
        if passed < enough {
            return;
        }
        let window = std::mem::take(&mut self.window);
        self.since = Some(at);
        if window.events <= 0.0 || window.busy <= 0.0 || window.passed <= 0.0 {
            return;
        }
        let busy_each = window.busy / window.passed * passed as f64 / 1e3;
        let keep = (-busy_each / MEMORY).exp();
        self.events = self.events * keep + window.events;
        self.messages = self.messages * keep + window.messages;
        self.busy = self.busy * keep + window.busy;
    }

    /// μ̂: events a second that a busy worker does.
    pub fn per_worker(&self) -> Option<f64> {
        (self.busy > 0.0 && self.events > 0.0).then(|| self.events / self.busy)
    }

    /// Seconds that a worker of `consumers` needs for one message with one of them.
    pub fn message_seconds(&self, consumers: u32) -> f64 {
        if self.messages > 0.0 {
            self.busy * f64::from(consumers.max(1)) / self.messages
        } else {
            0.0
        }
    }
}
