//! What happens to the shop, counted from the day it opened.
//!
//! - The payment provider is away for three quarters of an hour every nine days, by daylight: on day 2, 11, 20, 29. So
//!   a month of history ends with an outage the day before. Twice a day it has a few worse minutes.
//! - Search gets slower for five weeks, until somebody adds an index, and starts again.
//! - Each service is released every few days; every second release of `orders` begins with errors for twenty minutes.

use super::{
    catalog::{SERVICES, Service},
    curve::DAY_MS,
    random::Random,
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// From one outage of the provider to the next, and the day of the first.
const OUTAGE_EVERY_MS: i64 = 9 * DAY_MS;
const OUTAGE_DAY: i64 = 2;
const BROWNOUT_EVERY_MS: i64 = 12 * HOUR_MS;
const SEARCH_CYCLE_MS: i64 = 35 * DAY_MS;
/// Releases happen after lunch, each service's at its own minute.
const RELEASE_HOUR_MS: i64 = 13 * HOUR_MS;
const BAD_RELEASE_MS: i64 = 20 * MINUTE_MS;

/// The shop's history and future.
#[derive(Debug)]
pub(super) struct Story {
    random: Random,
    opened_ms: i64,
    opening_day_ms: i64,
}

impl Story {
    pub fn new(seed: u64, opened_ms: i64) -> Self {
        let opening_day_ms = opened_ms.div_euclid(DAY_MS) * DAY_MS;
        Self {
            random: Random::new(seed).fork("story"),
            opened_ms,
            opening_day_ms,
        }
    }

    /// How badly the payment provider is doing: 0 is well, 1 is an outage.
    pub fn provider_trouble(&self, at_ms: i64) -> f64 {
        let since = at_ms.saturating_sub(self.opening_day_ms);
        let (period, in_period) = (
            since.div_euclid(OUTAGE_EVERY_MS),
            since.rem_euclid(OUTAGE_EVERY_MS),
        );
        let mut random = self.random.fork("outage").fork_at(period);
        let start = OUTAGE_DAY * DAY_MS + 10 * HOUR_MS + random.below(9 * 60) as i64 * MINUTE_MS;
        let length = (35 + random.below(25) as i64) * MINUTE_MS;
        if (start..start + length).contains(&in_period) {
            return 1.0;
        }
        let (half, in_half) = (
            since.div_euclid(BROWNOUT_EVERY_MS),
            since.rem_euclid(BROWNOUT_EVERY_MS),
        );
        let mut random = self.random.fork("brownout").fork_at(half);
        let start = random.below(11 * 60) as i64 * MINUTE_MS;
        let length = (4 + random.below(5) as i64) * MINUTE_MS;
        if (start..start + length).contains(&in_half) {
            0.2
        } else {
            0.0
        }
    }

    /// How many times as long as in its first days a search takes: 1 to 4.
    pub fn search_slowdown(&self, at_ms: i64) -> f64 {
        let since = at_ms
            .saturating_sub(self.opened_ms)
            .rem_euclid(SEARCH_CYCLE_MS);
        1.0 + 3.0 * since as f64 / SEARCH_CYCLE_MS as f64
    }

    /// The running version of a service.
    pub fn version(&self, service: Service, at_ms: i64) -> String {
        let (number, _) = self.release(service, at_ms);
        // At most 1,000 versions, whenever the shop was opened.
        format!(
            "{}.{}.0",
            2 + SERVICES.len() - service.index(),
            (number + 10).rem_euclid(1_000)
        )
    }

    /// Whether a service has just been released with a mistake in it.
    pub fn is_bad_release(&self, service: Service, at_ms: i64) -> bool {
        let (number, since_ms) = self.release(service, at_ms);
        service == Service::Orders && number % 2 == 0 && since_ms < BAD_RELEASE_MS
    }

    /// The number of the running release, and for how long it has been running.
    fn release(&self, service: Service, at_ms: i64) -> (i64, i64) {
        let every_ms = match service {
            Service::Storefront => 3 * DAY_MS,
            Service::Orders => 4 * DAY_MS,
            Service::Payments => 6 * DAY_MS,
        };
        let first = RELEASE_HOUR_MS + service.index() as i64 * 47 * MINUTE_MS;
        let since = at_ms
            .saturating_sub(self.opening_day_ms)
            .saturating_sub(first);
        (since.div_euclid(every_ms), since.rem_euclid(every_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_the_day_after_an_outage() {
        let now = 1_794_992_400_000;
        for seed in 0..20 {
            let story = Story::new(seed, now - 30 * DAY_MS);
            let minutes = |from: i64, to: i64| {
                let all = (from..to).step_by(MINUTE_MS as usize);
                all.filter(|at| story.provider_trouble(*at) == 1.0).count()
            };
            assert!((35..60).contains(&minutes(now - 2 * DAY_MS, now)));
            assert!((4 * 35..4 * 60).contains(&minutes(now - 30 * DAY_MS, now)));
        }
    }

    #[test]
    fn search_degrades_and_versions_change() {
        let story = Story::new(1, 0);
        assert!(story.search_slowdown(30 * DAY_MS) > 3.0);
        assert!(story.search_slowdown(36 * DAY_MS) < 1.2);
        assert_eq!(story.version(Service::Orders, 0), "4.9.0");
        assert_eq!(story.version(Service::Orders, DAY_MS), "4.10.0");
        let released = RELEASE_HOUR_MS + 47 * MINUTE_MS;
        assert!(story.is_bad_release(Service::Orders, released));
        assert!(!story.is_bad_release(Service::Orders, released + BAD_RELEASE_MS));
        assert!(!story.is_bad_release(Service::Payments, RELEASE_HOUR_MS + 94 * MINUTE_MS));
    }
}
