//! How fast the number may change, and how long it must be too high before it falls.

use std::collections::VecDeque;

use super::{DOWN_WINDOW, Ramps};

/// Over what `up_percent` is counted, in milliseconds.
const UP_PERIOD: u64 = 15_000;
/// Over what `down_percent` is counted, in milliseconds.
const DOWN_PERIOD: u64 = 60_000;
/// Workers that may always be added in [`UP_PERIOD`].
const UP_AT_LEAST: u32 = 4;

/// How many workers there were, and how many were wanted, in the time that counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Ramp {
    were: VecDeque<(u64, u32)>,
    /// Falling from front to back: the front is the most wanted in the window.
    wanted: VecDeque<(u64, u32)>,
}

impl Ramp {
    /// There were `workers` at `at`.
    pub fn were(&mut self, at: u64, workers: u32) {
        self.were.push_back((at, workers));
        while self
            .were
            .front()
            .is_some_and(|(then, _)| at.saturating_sub(*then) >= DOWN_PERIOD)
        {
            self.were.pop_front();
        }
    }

    /// `workers` were wanted at `at`. Returns the most that were in [`DOWN_WINDOW`].
    pub fn wanted(&mut self, at: u64, workers: u32) -> u32 {
        while self.wanted.back().is_some_and(|(_, w)| *w <= workers) {
            self.wanted.pop_back();
        }
        self.wanted.push_back((at, workers));
        while self
            .wanted
            .front()
            .is_some_and(|(then, _)| at.saturating_sub(*then) > DOWN_WINDOW)
        {
            self.wanted.pop_front();
        }
        self.wanted.front().map_or(workers, |(_, most)| *most)
    }

    /// The most there may be at `at`, of `now` there are.
    pub fn most(&self, at: u64, now: u32, ramps: Ramps) -> u32 {
        let base = self.within(at, UP_PERIOD).fold(now, u32::min);
        let added = percent(base, ramps.up_percent).max(UP_AT_LEAST);
        base.saturating_add(added).max(now)
    }

    /// The fewest there may be at `at`, of `now` there are.
    pub fn least(&self, at: u64, now: u32, ramps: Ramps) -> u32 {
        let base = self.within(at, DOWN_PERIOD).fold(now, u32::max);
        let taken = percent(base, ramps.down_percent.min(100)).max(1);
        base.saturating_sub(taken).min(now)
    }

    /// What was seen in the `period` before `at`. A look tells of the time since the one before it.
    fn within(&self, at: u64, period: u64) -> impl Iterator<Item = u32> + '_ {
        self.were
            .iter()
            .filter(move |(then, _)| at.saturating_sub(*then) < period)
            .map(|(_, workers)| *workers)
    }
}

fn percent(of: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(of) * u64::from(percent) / 100).unwrap_or(u32::MAX)
}
