//! Whether to try the queue at all: one breaker for the connection, and a short pause for each full queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::gauge::Gauge;
use sendry_domain::{
    breaker::{Breaker, Config, Permit, State},
    routing::QueueName,
};
use sendry_runtime::clock::Clock;

use super::NotSent;

/// How long a queue that was full is left alone, in milliseconds.
const FULL_PAUSE: u64 = 1_000;

/// The gate before the queue.
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    state: Mutex<GateState>,
    gauge: Gauge,
}

struct GateState {
    breaker: Breaker,
    full_until: HashMap<QueueName, u64>,
}

/// How a publish ended, as far as the gate cares.
pub(super) enum Seen {
    /// Confirmed, or refused for a reason of this queue alone: the connection works.
    Answer,
    /// This queue is full.
    Full(QueueName),
    /// No connection, or no confirm in time.
    Failure,
}

impl Gate {
    pub(super) fn new(clock: Arc<dyn Clock>, gauge: Gauge) -> Self {
        let breaker = Breaker::new(Config::default());
        Self {
            clock,
            state: Mutex::new(GateState {
                breaker,
                full_until: HashMap::new(),
            }),
            gauge,
        }
    }

    /// Refuses a request early, before it waits for anything.
    pub(super) fn admits(&self, queue: &QueueName) -> Result<(), NotSent> {
        let now = self.clock.monotonic_ms();
        let mut state = self.lock();
        match state.full_until.get(queue) {
            Some(until) if now < *until => return Err(NotSent::Full),
            Some(_) => {
                state.full_until.remove(queue);
            }
            None => {}
        }
        match state.breaker.state(now) {
            State::Open => Err(NotSent::Unavailable(state.breaker.retry_after(now))),
            State::Closed | State::HalfOpen => Ok(()),
        }
    }

    /// Leave to publish one message.
    pub(super) fn try_pass(&self) -> Result<Permit, NotSent> {
        let now = self.clock.monotonic_ms();
        let mut state = self.lock();
        let permit = state.breaker.try_pass(now);
        let retry_after = state.breaker.retry_after(now).max(1_000);
        self.show(&state, now);
        permit.ok_or(NotSent::Unavailable(retry_after))
    }

    /// Takes a permit back.
    pub(super) fn saw(&self, permit: Permit, seen: Seen) {
        let now = self.clock.monotonic_ms();
        let mut state = self.lock();
        match seen {
            Seen::Answer => state.breaker.succeeded(permit),
            Seen::Full(queue) => {
                state.full_until.insert(queue, now + FULL_PAUSE);
                state.breaker.succeeded(permit);
            }
            Seen::Failure => state.breaker.failed(permit, now),
        }
        self.show(&state, now);
    }

    pub(super) fn answers_again(&self) {
        let mut state = self.lock();
        state.breaker.answers_again();
        self.show(&state, self.clock.monotonic_ms());
    }

    pub(super) fn state(&self) -> State {
        self.lock().breaker.state(self.clock.monotonic_ms())
    }

    pub(super) fn retry_after(&self) -> u64 {
        self.lock().breaker.retry_after(self.clock.monotonic_ms())
    }

    fn show(&self, state: &GateState, now: u64) {
        self.gauge.set(match state.breaker.state(now) {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        });
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
