//! A token bucket that a batch may take below zero.
//!
//! A batch is taken whole or refused whole; after a large one its tenant waits until the debt is paid. Times are
//! monotonic milliseconds passed in.

/// Thousandths in a token.
const TOKEN: i64 = 1_000;
/// What a rate of 0 answers, in milliseconds: a minute, after which the rate may have been changed.
const NEVER: i64 = 60_000;

/// A tenant's rate, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Events per second.
    pub per_second: u32,
    /// Events that may come at once after a pause.
    pub burst: u32,
}

/// The state of one tenant's limit.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    /// Thousandths of a token, so that a millisecond adds a whole number of them; may be negative.
    millitokens: i64,
    at: u64,
}

/// Refused: come back after this many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub u64);

impl TokenBucket {
    /// A full bucket. A rate of 0 lets nothing pass.
    #[must_use]
    pub fn new(rate: Rate, now: u64) -> Self {
        Self {
            rate,
            millitokens: i64::from(rate.burst) * TOKEN,
            at: now,
        }
    }

    /// The rate it was made for.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Goes on at another rate, with the tokens or the debt there are at `now`.
    pub fn change_rate(&mut self, rate: Rate, now: u64) {
        self.pass(now);
        self.rate = rate;
        self.put(0);
    }

    /// Whole tokens left, 0 while in debt.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        (self.millitokens / TOKEN).max(0) as u64
    }

    /// Takes `events` if at least one token is there.
    ///
    /// # Errors
    /// When the bucket is empty, with the time until it holds a token again.
    pub fn take(&mut self, events: u32, now: u64) -> Result<(), RetryAfter> {
        self.pass(now);
        let per_ms = i64::from(self.rate.per_second);
        if self.millitokens < TOKEN {
            let missing = TOKEN - self.millitokens;
            let wait = if per_ms == 0 {
                NEVER
            } else {
                (missing + per_ms - 1) / per_ms
            };
            return Err(RetryAfter(wait as u64));
        }
        self.millitokens -= i64::from(events) * TOKEN;
        Ok(())
    }

    /// Gives back what was taken for events that were not accepted after all.
    pub fn give_back(&mut self, events: u32) {
        self.put(i64::from(events) * TOKEN);
    }

    /// Adds what the time until `now` brings.
    fn pass(&mut self, now: u64) {
        let elapsed = i64::try_from(now.saturating_sub(self.at)).unwrap_or(i64::MAX);
        self.at = self.at.max(now);
        self.put(elapsed.saturating_mul(i64::from(self.rate.per_second)));
    }

    fn put(&mut self, millitokens: i64) {
        let full = i64::from(self.rate.burst) * TOKEN;
        self.millitokens = self.millitokens.saturating_add(millitokens).min(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_may_overdraw_and_the_debt_is_paid_in_time() {
        let mut bucket = TokenBucket::new(
            Rate {
                per_second: 100,
                burst: 10,
            },
            0,
        );
        assert_eq!(bucket.take(60, 0), Ok(()));
        assert_eq!(bucket.take(1, 0), Err(RetryAfter(510)));
        assert_eq!(bucket.take(1, 509), Err(RetryAfter(1)));
        assert_eq!(bucket.take(1, 510), Ok(()));
        assert_eq!(bucket.remaining(), 0);
        bucket.give_back(500);
        assert_eq!(bucket.remaining(), 10, "never above the burst");
    }

    #[test]
    fn another_rate_goes_on_with_what_is_there() {
        let rate = |per_second, burst| Rate { per_second, burst };
        let mut bucket = TokenBucket::new(rate(1_000, 10), 0);
        bucket.take(20, 0).unwrap();
        bucket.change_rate(rate(100, 5), 5);
        assert_eq!(
            bucket.take(1, 5),
            Err(RetryAfter(60)),
            "five of ten were paid"
        );
        bucket.change_rate(rate(1_000, 10), 5);
        assert_eq!(bucket.take(1, 11), Ok(()));
        bucket.change_rate(rate(100, 5), 1_000);
        assert_eq!(bucket.remaining(), 5, "never above the burst");
    }

    #[test]
    fn over_a_long_time_the_rate_holds() {
        let mut bucket = TokenBucket::new(
            Rate {
                per_second: 50,
                burst: 5,
            },
            0,
        );
        let passed = (0..100_000)
            .filter(|ms| bucket.take(1, *ms).is_ok())
            .count();
        assert!((5_000..=5_006).contains(&passed), "{passed}");
    }

    #[test]
    fn a_rate_of_zero_lets_nothing_pass_and_does_not_divide() {
        let mut bucket = TokenBucket::new(
            Rate {
                per_second: 0,
                burst: 0,
            },
            0,
        );
        assert_eq!(bucket.take(1, 1_000_000), Err(RetryAfter(60_000)));
    }
}
