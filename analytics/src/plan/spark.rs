//! The bins of the small charts in lists.

use std::sync::Arc;

use sendry_domain::{
    rollup::{HOUR_RETENTION, Level},
    time::{DAY, HOUR, MINUTE, UnixMillis},
    window::FUTURE,
};

use crate::range::{Range, ceil};

/// What months are shown as, in milliseconds: their mean length in the Gregorian calendar.
pub const MEAN_MONTH: i64 = 2_629_746_000;

/// Bins of a small chart: at most some 60, so wide that whole buckets fill them. In UTC whatever the zone, since their
/// shape is looked at, not their borders.
#[derive(Clone, Debug)]
pub struct SparkBins {
    /// Start of the first bin; the range may begin inside it.
    pub start: UnixMillis,
    /// Width in milliseconds.
    pub step_ms: i64,
    /// Buckets that fill a bin exactly.
    pub level: Level,
    /// Starts of the bins, the first moved up to the range's.
    pub points: Arc<[UnixMillis]>,
}

impl SparkBins {
    /// The bins of `range`, as far as anything can be stored in it.
    #[must_use]
    pub fn of(range: &Range) -> Self {
        let latest = ceil(range.finest, range.now.plus(FUTURE));
        let oldest = range.finest.floor(range.now.plus(-HOUR_RETENTION));
        let to = range.to.min(latest);
        let from = range.read_from().max(oldest).min(range.to);
        // A range ends up to a bucket later than it was asked for; it keeps the bins of its length.
        let (level, step_ms) = match to.since(from) {
            length if range.finest == Level::Minute && length <= 30 * MINUTE + MINUTE => {
                (Level::Minute, MINUTE)
            }
            length if range.finest == Level::Minute && length <= 2 * HOUR + 5 * MINUTE => {
                (Level::Minute, 5 * MINUTE)
            }
            length if range.finest <= Level::Hour && length <= 50 * HOUR => (Level::Hour, HOUR),
            length if length <= 62 * DAY => (Level::Day, DAY),
            _ => (Level::Month, MEAN_MONTH),
        };
        let next = |at: UnixMillis| match level {
            Level::Minute => UnixMillis((at.0.div_euclid(step_ms) + 1) * step_ms),
            wider => wider.next(at),
        };
        let start = match level {
            Level::Minute => UnixMillis(from.0.div_euclid(step_ms) * step_ms),
            wider => wider.floor(from),
        };
        let points = std::iter::successors(Some(from), |at| Some(next(*at)).filter(|at| *at < to));
        Self {
            start,
            step_ms,
            level,
            points: points.collect(),
        }
    }
}
