//! From `from`, `to`, `tz` and `step` to the range of time an answer covers. Pure: the moment of asking comes in.
//!
//! `from` moves down to the start of a step, `to` up to the end of a bucket, so that an answer is made of whole buckets
//! and says exactly which ([`Range::from`], [`Range::to`]). The longer the range, the wider the buckets at its ends:
//! minutes up to a day, hours up to a month, days beyond.

mod error;
mod moment;
mod step;
mod zone;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sendry_domain::{
    rollup::{Level, MINUTE_RETENTION},
    time::{DAY, HOUR, UnixMillis},
};

pub use error::RangeError;
pub use step::Step;
pub use zone::Zone;

/// The most points a series may have.
pub const MAX_POINTS: usize = 1_500;

/// A day and a month may be an hour longer than usual, where clocks are set back.
pub const LONG_DAY: i64 = 25 * HOUR;
/// See [`LONG_DAY`].
pub const LONG_MONTH: i64 = 31 * DAY + HOUR;

/// The texts a client sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Default `now-24h`.
    pub from: Option<&'a str>,
    /// Default `now`.
    pub to: Option<&'a str>,
    /// Default `UTC`.
    pub tz: Option<&'a str>,
    /// Default `auto`.
    pub step: Option<&'a str>,
}

/// What an answer covers.
#[derive(Clone, Debug)]
pub struct Range {
    /// First moment, the start of a step.
    pub from: UnixMillis,
    /// Exclusive end, the end of a bucket of [`Self::finest`].
    pub to: UnixMillis,
    /// The moment of asking.
    pub now: UnixMillis,
    /// Zone of days and months.
    pub zone: Zone,
    /// Width of a point.
    pub step: Step,
    /// Starts of the points, the first at [`Self::from`].
    pub points: Arc<[UnixMillis]>,
    /// The narrowest buckets to read.
    pub finest: Level,
    /// Days of the zone start inside a bucket, so they were taken to start with it.
    pub tz_approximate: bool,
}

impl Range {
    /// Reads what a client asked at `now`.
    ///
    /// # Errors
    /// When a text is malformed, or the points would be too many or are no longer kept.
    pub fn resolve(asked: Asked<'_>, now: UnixMillis) -> Result<Self, RangeError> {
        let from = moment::parse("from", asked.from.unwrap_or("now-24h"), now)?;
        let to = moment::parse("to", asked.to.unwrap_or("now"), now)?;
        let zone = Zone::parse(asked.tz.unwrap_or("UTC"))?;
        let wanted = Step::parse(asked.step.unwrap_or("auto"))?;
        if from >= to {
            return Err(RangeError::Empty);
        }
        let has_minutes = |step: Step| step.floor(from, &zone) >= minutes_since(now);
        let step = match wanted {
            Some(step) if step.is_minutes() && !has_minutes(step) => {
                return Err(RangeError::MinutesExpired {
                    step,
                    since: minutes_since(now),
                });
            }
            Some(step) => step,
            None => Step::auto(to.since(from), has_minutes),
        };
        let start = step.floor(from, &zone);
        let Some(points) = step.starts(start, to, &zone) else {
            let fits = |s: &Step| {
                *s > step
                    && (!s.is_minutes() || has_minutes(*s))
                    && s.starts(s.floor(from, &zone), to, &zone).is_some()
            };
            return Err(RangeError::TooWide {
                step,
                fits: Step::ALL.into_iter().find(fits),
            });
        };
        let (finest, tz_approximate) =
            grain(step, &points, to.since(from), start >= minutes_since(now));
        Ok(Self {
            from: start,
            to: ceil(finest, to),
            now,
            zone,
            step,
            points: points.into(),
            finest,
            tz_approximate,
        })
    }

    /// Starts of the points as they are read: on the borders of buckets.
    #[must_use]
    pub fn read_points(&self) -> Arc<[UnixMillis]> {
        self.points
            .iter()
            .map(|start| self.finest.floor(*start))
            .collect()
    }

    /// First moment that is read.
    #[must_use]
    pub fn read_from(&self) -> UnixMillis {
        self.finest.floor(self.from)
    }

    /// Whether the range reaches the moment of asking.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.to >= self.now
    }

    /// How much of the range lies in the past, in milliseconds; all of it where that is nothing.
    #[must_use]
    pub fn elapsed(&self) -> i64 {
        let until = if self.now > self.from {
            self.to.min(self.now)
        } else {
            self.to
        };
        until.since(self.from)
    }
}

/// Minutes are complete from here on: whole hours inside their retention.
#[must_use]
pub fn minutes_since(now: UnixMillis) -> UnixMillis {
    ceil(Level::Hour, now.plus(-MINUTE_RETENTION))
}

/// `at`, or the end of the bucket it lies in.
#[must_use]
pub fn ceil(level: Level, at: UnixMillis) -> UnixMillis {
    if level.floor(at) == at {
        at
    } else {
        level.next(at)
    }
}

/// The narrowest buckets a range needs, and whether the points had to be moved to their borders.
fn grain(step: Step, points: &[UnixMillis], length: i64, has_minutes: bool) -> (Level, bool) {
    let by_length = if has_minutes && (step.is_minutes() || length <= LONG_DAY) {
        Level::Minute
    } else if step <= Step::Hour1 || length <= LONG_MONTH {
        Level::Hour
    } else {
        Level::Day
    };
    let aligned = |level: Level| points.iter().all(|p| level.floor(*p) == *p);
    let candidates = [Level::Day, Level::Hour, Level::Minute];
    let by_points = candidates.into_iter().find(|level| aligned(*level));
    let finest = by_points.map_or(Level::Minute, |level| level.min(by_length));
    let kept = if has_minutes {
        finest
    } else {
        finest.max(Level::Hour)
    };
    (kept, !aligned(kept))
}
