//! Whether more workers help: if workers were added by a quarter or more and the whole became less than a tenth faster,
//! the stores behind them are the limit, and others would only stand in line.

use super::progress::Progress;

/// Workers added, as a factor, from which something is concluded.
const ADDED: f64 = 1.25;
/// What they should have made of the whole, at the least.
const GAINED: f64 = 1.10;
/// It must look so for this long, in milliseconds.
const CONVINCED: u64 = 10_000;
/// After so long it is tried again with a few more; twice as long after every try that failed.
const RETRY: u64 = 300_000;
const RETRY_AT_MOST: u64 = 3_600_000;
/// How many more are tried, in percent, and for how long.
const TRY_PERCENT: u64 = 130;
const TRY_FOR: u64 = 60_000;
/// When not every consumer had something to take for so long, it is over.
const CALM: u64 = 60_000;

#[derive(Clone, Copy, Debug)]
struct Bound {
    workers: u32,
    since: u64,
    wait: u64,
}

/// What is known of the limit behind the workers.
#[derive(Clone, Debug, Default)]
pub(super) struct Sink {
    suspected: Option<u64>,
    bound: Option<Bound>,
    loaded: u64,
}

impl Sink {
    /// Takes a look: there are `now` workers at `at`.
    pub fn look(&mut self, at: u64, now: u32, progress: &Progress) {
        let load = progress.under_load();
        if load.is_some() {
            self.loaded = at;
        } else if at.saturating_sub(self.loaded) > CALM {
            self.bound = None;
        }
        let in_vain = load.is_some_and(|(before, after)| {
            before.rate > 0.0
                && after.workers >= ADDED * before.workers
                && after.rate < GAINED * before.rate
        });
        if !in_vain {
            self.suspected = None;
        }
        match self.bound {
            Some(bound) if at.saturating_sub(bound.since) < bound.wait => return,
            Some(bound) if at.saturating_sub(bound.since) >= bound.wait + TRY_FOR => {
                self.bound = None;
            }
            _ => {}
        }
        if in_vain && at.saturating_sub(*self.suspected.get_or_insert(at)) >= CONVINCED {
            let wait = self
                .bound
                .map_or(RETRY, |b| (b.wait * 2).min(RETRY_AT_MOST));
            self.bound = Some(Bound {
                // Nobody may be asked for at the moment; that is no limit.
                workers: now.max(1),
                since: at,
                wait,
            });
            self.suspected = None;
        }
    }

    /// The most workers that make sense at `at`.
    pub fn most(&self, at: u64) -> Option<u32> {
        let bound = self.bound?;
        if at.saturating_sub(bound.since) < bound.wait {
            return Some(bound.workers);
        }
        let tried = (u64::from(bound.workers) * TRY_PERCENT).div_ceil(100);
        Some(u32::try_from(tried).unwrap_or(u32::MAX))
    }
}
