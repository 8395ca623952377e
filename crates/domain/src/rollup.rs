//! Events folded into buckets of time.
//!
//! Everything in a [`Cell`] is an integer, so adding is exact, commutative and associative: any order, any split and any
//! rebuild of the same set of events gives the same bytes.

use std::collections::{BTreeMap, HashMap};

use crate::{
    event::Event,
    histogram::Histogram,
    outcome::Outcome,
    series::{Series, SeriesKind},
    time::{DAY, HOUR, MINUTE, UnixMillis},
};

/// How long minutes are kept, in milliseconds. Longer than the longest window, so live events always have a minute.
pub const MINUTE_RETENTION: i64 = 9 * DAY;
/// How long hours, days and months are kept (25 months, counted as 25 × 31 days), in milliseconds.
pub const HOUR_RETENTION: i64 = 25 * 31 * DAY;

/// The width of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Written when an event is counted; kept 9 days.
    Minute = 0,
    /// Written when an event is counted; kept 25 months.
    Hour = 1,
    /// UTC days, derived from hours.
    Day = 2,
    /// UTC months, derived from days.
    Month = 3,
}

impl Level {
    /// All levels, finest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// Start of the bucket that holds `at` (UTC).
    #[must_use]
    pub fn floor(self, at: UnixMillis) -> UnixMillis {
        let width = match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Month => return month_start(at),
        };
        UnixMillis(at.0.div_euclid(width) * width)
    }

    /// Start of the bucket after the one that holds `at` (UTC).
    #[must_use]
    pub fn next(self, at: UnixMillis) -> UnixMillis {
        match self {
            Self::Minute => self.floor(at).plus(MINUTE),
            Self::Hour => self.floor(at).plus(HOUR),
            Self::Day => self.floor(at).plus(DAY),
            // No month has more than 31 days, and 32 days after its start lies in the next one.
            Self::Month => month_start(month_start(at).plus(32 * DAY)),
        }
    }
}

fn month_start(at: UnixMillis) -> UnixMillis {
    let start = jiff::Timestamp::from_millisecond(at.0).ok().and_then(|t| {
        let date = t.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
        date.to_zoned(jiff::tz::TimeZone::UTC).ok()
    });
    // Outside the years -9999..9999 there are no months; validated events never lie there.
    start.map_or(at, |z| UnixMillis(z.timestamp().as_millisecond()))
}

/// What a bucket holds. Times in whole microseconds, sizes in bytes.
///
/// Sums that a client can drive up (a size may be 2^53) stop at the largest number instead of wrapping; that keeps
/// adding commutative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Requests.
    pub count: u64,
    /// Of them, errors by [`Outcome::of`].
    pub errors: u64,
    /// Of them, 4xx that are not errors.
    pub client_errors: u64,
    /// Sum of latencies.
    pub latency_sum_us: u64,
    /// Smallest latency; `u64::MAX` while `count` is 0.
    pub latency_min_us: u64,
    /// Largest latency.
    pub latency_max_us: u64,
    /// Request bytes, where known.
    pub bytes_in: u64,
    /// Response bytes, where known.
    pub bytes_out: u64,
    /// Distribution of latencies.
    pub histogram: Histogram,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            count: 0,
            errors: 0,
            client_errors: 0,
            latency_sum_us: 0,
            latency_min_us: u64::MAX,
            latency_max_us: 0,
            bytes_in: 0,
            bytes_out: 0,
            histogram: Histogram::default(),
        }
    }
}

impl Cell {
    /// Counts one event.
    pub fn record(&mut self, event: &Event) {
        self.count += 1;
        match event.outcome() {
            Outcome::Error => self.errors += 1,
            Outcome::ClientError => self.client_errors += 1,
            Outcome::Success => {}
        }
        self.latency_sum_us = self.latency_sum_us.saturating_add(event.latency_us);
        self.latency_min_us = self.latency_min_us.min(event.latency_us);
        self.latency_max_us = self.latency_max_us.max(event.latency_us);
        self.bytes_in = self
            .bytes_in
            .saturating_add(event.request_size.unwrap_or(0));
        self.bytes_out = self
            .bytes_out
            .saturating_add(event.response_size.unwrap_or(0));
        self.histogram.record(event.latency_us);
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.latency_sum_us = self.latency_sum_us.saturating_add(other.latency_sum_us);
        self.latency_min_us = self.latency_min_us.min(other.latency_min_us);
        self.latency_max_us = self.latency_max_us.max(other.latency_max_us);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.histogram.merge(&other.histogram);
    }
}

/// Which bucket of which series a cell belongs to. Sorted in this order, so that concurrent writers lock alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey {
    /// Width.
    pub level: Level,
    /// Kind of series.
    pub kind: SeriesKind,
    /// Start.
    pub start: UnixMillis,
    /// Name within the tenant.
    pub series: Series,
}

/// Folds events of one tenant into the buckets that are written when counting: minutes and hours of every kind of
/// series. Events before `minute_floor` go to hours only.
#[must_use]
pub fn fold<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    minute_floor: UnixMillis,
) -> BTreeMap<BucketKey, Cell> {
    // The finest cells first, one hash a event; everything above is merged from those few.
    let mut finest: HashMap<(Series, Level, UnixMillis), Cell> = HashMap::new();
    for event in events {
        let level = if event.timestamp < minute_floor {
            Level::Hour
        } else {
            Level::Minute
        };
        let key = (Series::of(event), level, level.floor(event.timestamp));
        finest.entry(key).or_default().record(event);
    }
    let mut buckets = BTreeMap::<BucketKey, Cell>::new();
    for ((series, level, start), cell) in &finest {
        for kind in SeriesKind::ALL {
            let series = series.as_kind(kind);
            let mut add = |level: Level, series: Series| {
                let key = BucketKey {
                    level,
                    kind,
                    start: level.floor(*start),
                    series,
                };
                buckets.entry(key).or_default().merge(cell);
            };
            if *level == Level::Minute {
                add(Level::Minute, series.clone());
            }
            add(Level::Hour, series);
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn sums_stop_at_the_largest_number() {
        let mut cell = Cell {
            count: 1,
            bytes_in: u64::MAX - 5,
            ..Cell::default()
        };
        cell.merge(&Cell {
            count: 1,
            bytes_in: 1 << 53,
            ..Cell::default()
        });
        assert_eq!((cell.count, cell.bytes_in), (2, u64::MAX));
    }

    #[test]
    fn buckets_start_where_the_calendar_says() {
        let t = at("2024-02-29T13:37:59.999Z");
        assert_eq!(Level::Minute.floor(t), at("2024-02-29T13:37:00Z"));
        assert_eq!(Level::Hour.floor(t), at("2024-02-29T13:00:00Z"));
        assert_eq!(Level::Day.floor(t), at("2024-02-29T00:00:00Z"));
        assert_eq!(Level::Month.floor(t), at("2024-02-01T00:00:00Z"));
        assert_eq!(Level::Month.next(t), at("2024-03-01T00:00:00Z"));
        assert_eq!(
            Level::Month.next(at("2024-12-31T00:00:00Z")),
            at("2025-01-01T00:00:00Z")
        );
        assert_eq!(Level::Day.floor(UnixMillis(-1)), UnixMillis(-DAY));
    }
}
