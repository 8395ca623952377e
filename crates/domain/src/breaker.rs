//! The circuit breaker: after repeated failures it refuses at once instead of making every caller wait.
//!
//! Closed → open after [`Config::failures`] failures within [`Config::within`]; open → half-open after
//! [`Config::open_for`], or when told that the other side answers again; half-open lets [`Config::probes`] callers try:
//! all succeed → closed, one fails → open. The breaker refuses honestly (503); it never pretends success.
//!
//! Times are monotonic milliseconds passed in by the caller.

use std::collections::VecDeque;

/// The numbers of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Failures that open it.
    pub failures: usize,
    /// Milliseconds in which they must fall.
    pub within: u64,
    /// Milliseconds it stays open.
    pub open_for: u64,
    /// Successes in half-open that close it.
    pub probes: u32,
}

impl Default for Config {
    /// 5 failures in 10 s, open for 30 s, 2 probes: the original platform's numbers.
    fn default() -> Self {
        Self {
            failures: 5,
            within: 10_000,
            open_for: 30_000,
            probes: 2,
        }
    }
}

/// What the breaker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everyone may pass.
    Closed,
    /// Nobody may pass.
    Open,
    /// A few may try.
    HalfOpen,
}

impl State {
    /// The word used in metrics and in `/readyz`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// Leave to try once; must come back with [`Breaker::succeeded`], [`Breaker::failed`] or [`Breaker::abandoned`].
#[derive(Debug)]
#[must_use = "a permit that never comes back holds a probe"]
pub struct Permit {
    epoch: u64,
}

/// A circuit breaker.
#[derive(Debug)]
pub struct Breaker {
    config: Config,
    inner: Inner,
    /// Raised with every change of state, so that answers to earlier permits cannot change a later state.
    epoch: u64,
}

#[derive(Debug)]
enum Inner {
    Closed { failures: VecDeque<u64> },
    Open { since: u64 },
    HalfOpen { out: u32, succeeded: u32 },
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            inner: Inner::Closed {
                failures: VecDeque::new(),
            },
            epoch: 0,
        }
    }

    /// The state at `now`; an open breaker whose time has passed counts as half-open.
    #[must_use]
    pub fn state(&self, now: u64) -> State {
        match &self.inner {
            Inner::Closed { .. } => State::Closed,
            Inner::Open { since } if now.saturating_sub(*since) < self.config.open_for => {
                State::Open
            }
            Inner::Open { .. } | Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Milliseconds until a refused caller may try again; 0 unless open.
    #[must_use]
    pub fn retry_after(&self, now: u64) -> u64 {
        match &self.inner {
            Inner::Open { since } => (since + self.config.open_for).saturating_sub(now),
            Inner::Closed { .. } | Inner::HalfOpen { .. } => 0,
        }
    }

    /// Asks to pass.
    pub fn try_pass(&mut self, now: u64) -> Option<Permit> {
        if let (Inner::Open { .. }, State::HalfOpen) = (&self.inner, self.state(now)) {
            self.change(Inner::HalfOpen {
                out: 0,
                succeeded: 0,
            });
        }
        match &mut self.inner {
            Inner::Closed { .. } => {}
            Inner::Open { .. } => return None,
            Inner::HalfOpen { out, succeeded } => {
                if *out + *succeeded >= self.config.probes {
                    return None;
                }
                *out += 1;
            }
        }
        Some(Permit { epoch: self.epoch })
    }

    /// The permitted call worked.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a permit is used up by its answer"
    )]
    pub fn succeeded(&mut self, permit: Permit) {
        if permit.epoch != self.epoch {
            return;
        }
        let Inner::HalfOpen { out, succeeded } = &mut self.inner else {
            return;
        };
        *out = out.saturating_sub(1);
        *succeeded += 1;
        if *succeeded >= self.config.probes {
            self.change(Inner::Closed {
                failures: VecDeque::new(),
            });
        }
    }

    /// The permitted call failed in a way that says the other side is away.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a permit is used up by its answer"
    )]
    pub fn failed(&mut self, permit: Permit, now: u64) {
        if permit.epoch != self.epoch {
            return;
        }
        let opens = match &mut self.inner {
            Inner::Closed { failures } => {
                failures.push_back(now);
                while failures
                    .front()
                    .is_some_and(|t| now.saturating_sub(*t) >= self.config.within)
                {
                    failures.pop_front();
                }
                failures.len() >= self.config.failures
            }
            Inner::HalfOpen { .. } => true,
            Inner::Open { .. } => false,
        };
        if opens {
            self.change(Inner::Open { since: now });
        }
    }

    /// The permitted call ended without telling anything about the other side.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a permit is used up by its answer"
    )]
    pub fn abandoned(&mut self, permit: Permit) {
        if permit.epoch == self.epoch
            && let Inner::HalfOpen { out, .. } = &mut self.inner
        {
            *out = out.saturating_sub(1);
        }
    }

    /// The other side is known to answer again: an open breaker lets probes through now.
    pub fn answers_again(&mut self) {
        if let Inner::Open { .. } = self.inner {
            self.change(Inner::HalfOpen {
                out: 0,
                succeeded: 0,
            });
        }
    }

    fn change(&mut self, to: Inner) {
        self.inner = to;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests;
