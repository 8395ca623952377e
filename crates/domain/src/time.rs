//! The one representation of a moment: milliseconds since the Unix epoch, UTC.
//!
//! The same integer stands in messages, in SQL and in answers, so that both databases sort and compare it alike.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Negative before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

/// One second, in milliseconds.
pub const SECOND: i64 = 1_000;
/// One minute, in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour, in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day of 24 hours, in milliseconds.
pub const DAY: i64 = 24 * HOUR;

impl UnixMillis {
    /// This moment moved by `millis` (may be negative), held at the ends of the range.
    #[must_use]
    pub fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC with milliseconds; `None` outside the years that can be written so.
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        jiff::Timestamp::from_millisecond(self.0)
            .ok()
            .map(|t| format!("{t:.3}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_utc_with_milliseconds() {
        assert_eq!(
            UnixMillis(0).to_rfc3339().unwrap(),
            "1970-01-01T00:00:00.000Z"
        );
        assert_eq!(UnixMillis(i64::MAX).to_rfc3339(), None);
    }
}
