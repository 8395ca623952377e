//! Whether the workers get on: what they did lately, and how many they were.

use std::collections::VecDeque;

use super::{counters::Done, reading::Known};

/// How far back is remembered, in milliseconds.
pub(super) const MEMORY: u64 = 120_000;
/// What is called lately, in milliseconds.
pub(super) const LATELY: u64 = 15_000;
/// Below this part of what they were measured to do workers do not get on.
const STALLED: f64 = 0.01;

/// One look.
#[derive(Clone, Copy, Debug)]
struct Tick {
    at: u64,
    /// Events and messages processed so far.
    events: u64,
    messages: u64,
    /// Workers that beat.
    workers: u32,
    /// Messages ready; 0 where nothing is known.
    ready: u64,
    /// So much was ready that every consumer had something to take.
    saturated: bool,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// Events a second.
    pub rate: f64,
    /// Workers, the mean.
    pub workers: f64,
    /// Workers, the fewest.
    pub fewest: u32,
    /// Something was ready throughout, and less was done than was ready at the beginning.
    pub behind: bool,
}

/// What workers did lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    ticks: VecDeque<Tick>,
    events: u64,
    messages: u64,
}

impl Progress {
    /// `done` was processed since the last look, by `workers` that beat with `consumers`; `known` is `None` when
    /// nothing can be said of the queue.
    pub fn tick(
        &mut self,
        at: u64,
        done: &Done,
        workers: u32,
        consumers: u64,
        known: Option<Known>,
    ) {
        self.events += done.events;
        self.messages += done.messages;
        self.ticks.push_back(Tick {
            at,
            events: self.events,
            messages: self.messages,
            workers,
            ready: known.map_or(0, |known| known.ready),
            saturated: known.is_some_and(|known| known.ready >= consumers.max(1)),
        });
        while self
            .ticks
            .get(1)
            .is_some_and(|tick| at.saturating_sub(tick.at) >= MEMORY)
        {
            self.ticks.pop_front();
        }
    }

    /// The last `length` milliseconds; `None` while not so much is remembered.
    pub fn lately(&self, length: u64) -> Option<Stretch> {
        let end = self.ticks.len().checked_sub(1)?;
        let began = self.ticks[end].at.checked_sub(length)?;
        let start = self.ticks.iter().rposition(|tick| tick.at <= began)?;
        self.stretch(start, end)
    }

    /// The first and the last [`LATELY`] of the time in which every consumer had something to take, up to now; `None`
    /// unless they are two.
    pub fn under_load(&self) -> Option<(Stretch, Stretch)> {
        let calm = self.ticks.iter().rposition(|tick| !tick.saturated);
        let start = calm.map_or(0, |at| at + 1);
        let began = self.ticks.get(start)?.at;
        let end = self
            .ticks
            .iter()
            .position(|tick| tick.at >= began + LATELY)?;
        let now = self.ticks.back()?.at;
        if end <= start || now < self.ticks[end].at + LATELY {
            return None;
        }
        Some((self.stretch(start, end)?, self.lately(LATELY)?))
    }

    /// Whether something waits, and workers do next to nothing: for 15 s, or for the time of four messages.
    pub fn is_stalled(&self, per_worker: Option<f64>, message_seconds: f64) -> bool {
        let four = (4e3 * message_seconds).min((MEMORY - LATELY) as f64) as u64;
        let Some(lately) = self.lately(LATELY.max(four)) else {
            return false;
        };
        let able = f64::from(lately.fewest) * per_worker.unwrap_or(0.0);
        lately.behind && lately.fewest > 0 && (lately.rate <= 0.0 || lately.rate < STALLED * able)
    }

    fn stretch(&self, start: usize, end: usize) -> Option<Stretch> {
        let (first, last) = (self.ticks.get(start)?, self.ticks.get(end)?);
        let seconds = last.at.saturating_sub(first.at) as f64 / 1e3;
        if seconds <= 0.0 {
            return None;
        }
        let within = || self.ticks.range(start + 1..=end);
        let workers: f64 = within().map(|tick| f64::from(tick.workers)).sum();
        Some(Stretch {
            rate: (last.events - first.events) as f64 / seconds,
            workers: workers / (end - start) as f64,
            fewest: self.ticks.range(start..=end).map(|t| t.workers).min()?,
            behind: last.messages - first.messages < first.ready
                && self.ticks.range(start..=end).all(|tick| tick.ready > 0),
        })
    }
}
