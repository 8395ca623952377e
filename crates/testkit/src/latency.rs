//! Latencies of a run, kept whole: percentiles are exact.

use std::time::Duration;

/// Measured durations.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// Adds one.
    pub fn record(&mut self, duration: Duration) {
        self.0.push(duration.as_nanos() as u64);
    }

    /// Adds another run's.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration at nearest rank, in milliseconds; NaN when there are none.
    #[must_use]
    pub fn percentile_ms(&self, p: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = ((p / 100.0 * sorted.len() as f64).ceil() as usize).max(1);
        sorted.get(rank - 1).map_or(f64::NAN, |ns| *ns as f64 / 1e6)
    }
}
