//! Latency distributions that add up: a base-2 exponential histogram of fixed scale 5.
//!
//! Bucket `i` holds (2^(i/32), 2^((i+1)/32)] seconds, which is OpenTelemetry's exponential histogram at scale 5 and
//! Prometheus' native histogram at schema 5. The scale never changes, so merging is addition: order, splits and
//! rebuilds give identical bytes. Percentiles are read from merged histograms, never averaged.
//!
//! Error of a quantile: the estimate is the harmonic mean of the bucket's bounds `l` and `γl`, γ = 2^(1/32), which is
//! off by at most (γ − 1)/(γ + 1) = 1.083 % of any value in the bucket (the bound of DDSketch, Masson et al. 2019).

mod bounds;
mod codec;

#[cfg(test)]
mod tests;

pub use bounds::{MIN_INDEX, UPPER_US};
pub use codec::{CorruptHistogram, Dense};

/// The promise made to readers: the relative error of a quantile is at most this.
pub const MAX_RELATIVE_ERROR: f64 = 0.0109;

/// Counts of durations by bucket; empty buckets are not stored. Equal contents are equal values and equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Durations under a microsecond.
    zero: u64,
    /// (bucket, count > 0), ascending by bucket.
    counts: Vec<(u16, u64)>,
}

/// An estimate of a quantile, in microseconds, and the bucket the true value lies in: lower < value ≤ upper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// The estimate.
    pub estimate_us: f64,
    /// Exclusive lower bound.
    pub lower_us: f64,
    /// Inclusive upper bound.
    pub upper_us: f64,
}

/// The bucket of a duration of at least one microsecond.
fn bucket_of(micros: u64) -> u16 {
    UPPER_US
        .partition_point(|upper| *upper < micros)
        .min(UPPER_US.len() - 1) as u16
}

/// The exact bounds of a bucket, in microseconds.
fn bounds_us(bucket: u16) -> (f64, f64) {
    let index = f64::from(bucket) + f64::from(MIN_INDEX);
    let bound = |i: f64| (i / 32.0).exp2() * 1e6;
    (bound(index), bound(index + 1.0))
}

impl Histogram {
    /// Adds one duration.
    pub fn record(&mut self, micros: u64) {
        if micros == 0 {
            self.zero += 1;
            return;
        }
        let bucket = bucket_of(micros);
        match self.counts.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => self.counts[at].1 += 1,
            Err(at) => self.counts.insert(at, (bucket, 1)),
        }
    }

    /// Adds everything `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.zero += other.zero;
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
            return;
        }
        for &(bucket, count) in &other.counts {
            match self.counts.binary_search_by_key(&bucket, |(b, _)| *b) {
                Ok(at) => self.counts[at].1 += count,
                Err(at) => self.counts.insert(at, (bucket, count)),
            }
        }
    }

    /// How many durations it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zero + self.counts.iter().map(|(_, n)| n).sum::<u64>()
    }

    /// The duration at nearest rank ⌈q·n⌉ (at least the first); `None` when empty, for then it is unknown.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let n = self.count();
        if n == 0 {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * n as f64).ceil() as u64).clamp(1, n);
        let mut seen = self.zero;
        if rank <= seen {
            return Some(Quantile {
                estimate_us: 0.0,
                lower_us: 0.0,
                upper_us: 0.0,
            });
        }
        let bucket = self.counts.iter().find_map(|&(bucket, count)| {
            seen += count;
            (rank <= seen).then_some(bucket)
        })?;
        let (lower_us, upper_us) = bounds_us(bucket);
        let estimate_us = 2.0 * lower_us * upper_us / (lower_us + upper_us);
        Some(Quantile {
            estimate_us,
            lower_us,
            upper_us,
        })
    }
}
