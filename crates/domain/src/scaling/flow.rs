//! What comes: λ̂, by conservation of events.

use super::counters::Done;

/// Looks closer together than this, in milliseconds, are taken as one: a rate needs time to pass.
const SHORTEST: u64 = 500;
/// The time constants of the two means, in seconds: one that follows, and one that remembers.
const FAST: f64 = 30.0;
const SLOW: f64 = 300.0;
/// The time constant of the mean size of a message, in seconds.
const SIZE: f64 = 60.0;

/// An exponential mean over time that is the plain mean while there is little to go by.
#[derive(Clone, Copy, Debug)]
struct Mean {
    seconds: f64,
    sum: f64,
    weight: f64,
}

impl Mean {
    fn over(seconds: f64) -> Self {
        Self {
            seconds,
            sum: 0.0,
            weight: 0.0,
        }
    }

    fn add(&mut self, rate: f64, passed: f64) {
        let keep = (-passed / self.seconds).exp();
        self.sum = self.sum * keep + rate * (1.0 - keep);
        self.weight = self.weight * keep + (1.0 - keep);
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// What came so far.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    fast: Mean,
    slow: Mean,
    /// The last look that told: when, and how many messages were in the queue and with workers.
    last: Option<(u64, u64)>,
    /// Processed since then.
    events: u64,
    messages: u64,
    /// Events and messages, fading, for the mean size of a message.
    sized: (f64, f64),
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            fast: Mean::over(FAST),
            slow: Mean::over(SLOW),
            last: None,
            events: 0,
            messages: 0,
            sized: (0.0, 0.0),
        }
    }
}

impl Flow {
    /// What was processed, whether or not the queue could be asked.
    pub fn processed(&mut self, done: &Done) {
        self.events += done.events;
        self.messages += done.messages;
    }

    /// `there` messages were in the queue and with workers at `at`. What came since the last look is what was processed
    /// and what the queue grew by. A sample may be negative, since queue and workers are not asked at the same moment; it
    /// is made good by the next, so only the mean is held at 0.
    pub fn look(&mut self, at: u64, there: u64) {
        let Some((before, then)) = self.last else {
            self.last = Some((at, there));
            (self.events, self.messages) = (0, 0);
            return;
        };
        let passed = at.saturating_sub(before);
        if passed < SHORTEST {
            return;
        }
        let seconds = passed as f64 / 1e3;
        if self.messages > 0 {
            let keep = (-seconds / SIZE).exp();
            self.sized.0 = self.sized.0 * keep + self.events as f64;
            self.sized.1 = self.sized.1 * keep + self.messages as f64;
        }
        let grown = (there as f64 - then as f64) * self.size();
        let rate = (grown + self.events as f64) / seconds;
        self.fast.add(rate, seconds);
        self.slow.add(rate, seconds);
        self.last = Some((at, there));
        (self.events, self.messages) = (0, 0);
    }

    /// Mean events in a message; 1 until one was processed.
    pub fn size(&self) -> f64 {
        if self.sized.1 > 0.0 {
            (self.sized.0 / self.sized.1).max(f64::MIN_POSITIVE)
        } else {
            1.0
        }
    }

    /// λ̂ to be ready for: the larger of the two means, so quick to rise and slow to fall. `None` before two looks.
    pub fn arrival(&self) -> Option<f64> {
        Some(self.fast.value()?.max(self.slow.value()?).max(0.0))
    }

    /// What comes at present.
    pub fn current(&self) -> Option<f64> {
        self.fast.value().map(|rate| rate.max(0.0))
    }
}
