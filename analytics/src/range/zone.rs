//! Days and months of a time zone.

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};
use sendry_domain::time::{DAY, UnixMillis};

use super::RangeError;

/// A time zone of the IANA database.
#[derive(Clone, Debug)]
pub struct Zone {
    tz: TimeZone,
    name: String,
}

impl Zone {
    /// Reads the parameter.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let tz =
            TimeZone::get(text).map_err(|_| RangeError::Zone(text.chars().take(64).collect()))?;
        let name = tz.iana_name().unwrap_or(text).to_owned();
        Ok(Self { tz, name })
    }

    /// The name, in its usual spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Start of the day that holds `at`.
    #[must_use]
    pub fn day_start(&self, at: UnixMillis) -> UnixMillis {
        let start = self.date(at).and_then(|date| self.start_of(date));
        start.unwrap_or_else(|| UnixMillis(at.0.div_euclid(DAY) * DAY))
    }

    /// Start of the month that holds `at`.
    #[must_use]
    pub fn month_start(&self, at: UnixMillis) -> UnixMillis {
        let date = self.date(at).map(Date::first_of_month);
        let start = date.and_then(|date| self.start_of(date));
        start.unwrap_or_else(|| self.day_start(at))
    }

    /// Start of the day after the one that holds `at`.
    #[must_use]
    pub fn next_day(&self, at: UnixMillis) -> UnixMillis {
        self.following(at, |date| date.tomorrow().ok())
    }

    /// Start of the month after the one that holds `at`.
    #[must_use]
    pub fn next_month(&self, at: UnixMillis) -> UnixMillis {
        self.following(at, |date| date.first_of_month().checked_add(1.month()).ok())
    }

    /// Start of the first date after `at` that `next` leads to and that exists: at the date line whole days were skipped.
    fn following(&self, at: UnixMillis, next: impl Fn(Date) -> Option<Date>) -> UnixMillis {
        let mut date = self.date(at).and_then(&next);
        for _ in 0..3 {
            match date.and_then(|date| self.start_of(date)) {
                Some(start) if start > at => return start,
                _ => date = date.and_then(&next),
            }
        }
        // Only past the end of the calendar, which validated moments never reach.
        at.plus(DAY)
    }

    fn date(&self, at: UnixMillis) -> Option<Date> {
        let at = Timestamp::from_millisecond(at.0).ok()?;
        Some(at.to_zoned(self.tz.clone()).date())
    }

    /// The first moment of a date: not always midnight, where clocks change then.
    fn start_of(&self, date: Date) -> Option<UnixMillis> {
        let start: Zoned = date.to_zoned(self.tz.clone()).ok()?.start_of_day().ok()?;
        Some(UnixMillis(start.timestamp().as_millisecond()))
    }
}
