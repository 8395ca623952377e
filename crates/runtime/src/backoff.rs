//! How long to wait before the next try.
//!
//! Exponential with *full jitter*: the wait is uniform between nothing and a ceiling which doubles
//! with every failed attempt. Many clients that lost the same server at the same moment so come
//! back spread over the whole interval, instead of together. Pure: the caller brings the random
//! number, so a test chooses the delay.

use std::time::Duration;

/// A back-off policy: first ceiling and largest ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
}

impl Backoff {
    /// A policy whose ceiling starts at `base` (attempt 0) and doubles up to `cap`.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The longest wait after `attempt` failures in a row (0 = the first failure).
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        // 2^31 times any useful base is past any useful cap.
        self.base.saturating_mul(1 << attempt.min(31)).min(self.cap)
    }

    /// The wait after `attempt` failures in a row (0 = the first failure): the ceiling scaled by
    /// `random`, which is uniform in `[0, 1)`. What lies outside is brought inside, and what is
    /// not a number counts as 1, for a retry loop must never panic over its dice.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let share = if random.is_nan() {
            1.0
        } else {
            random.clamp(0.0, 1.0)
        };
        self.ceiling(attempt).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

    #[test]
    fn the_ceiling_doubles_until_the_cap() {
        let ceilings: Vec<u128> = (0..8).map(|n| POLICY.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(POLICY.ceiling(u32::MAX), Duration::from_secs(5));
    }

    #[test]
    fn the_delay_is_a_share_of_the_ceiling() {
        assert_eq!(POLICY.delay(2, 0.0), Duration::ZERO);
        assert_eq!(POLICY.delay(2, 0.5), Duration::from_millis(200));
        assert_eq!(POLICY.delay(2, 1.0), Duration::from_millis(400));
    }

    #[test]
    fn bad_dice_do_no_harm() {
        assert_eq!(POLICY.delay(0, -3.0), Duration::ZERO);
        assert_eq!(POLICY.delay(0, f64::INFINITY), Duration::from_millis(100));
        assert_eq!(POLICY.delay(0, f64::NAN), Duration::from_millis(100));
        let huge = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!(huge.ceiling(40), Duration::MAX);
    }
}
