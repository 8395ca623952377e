//! The width of a point.

use sendry_domain::time::{DAY, HOUR, MINUTE, UnixMillis};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MAX_POINTS, RangeError, Zone};

/// The longest range that is drawn by hours where nobody says otherwise: about 200 points.
const WEEK: i64 = 8 * DAY + HOUR;

/// How wide a point of a series is. Up to an hour steps start at multiples of their width in UTC, days and months at
/// midnight of the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub enum Step {
    /// One minute.
    #[serde(rename = "1m")]
    Minute1,
    /// Five minutes.
    #[serde(rename = "5m")]
    Minute5,
    /// A quarter of an hour.
    #[serde(rename = "15m")]
    Minute15,
    /// An hour.
    #[serde(rename = "1h")]
    Hour1,
    /// A calendar day.
    #[serde(rename = "1d")]
    Day1,
    /// A calendar month.
    #[serde(rename = "1mo")]
    Month1,
}

impl Step {
    /// All of them, smallest first.
    pub const ALL: [Self; 6] = [
        Self::Minute1,
        Self::Minute5,
        Self::Minute15,
        Self::Hour1,
        Self::Day1,
        Self::Month1,
    ];

    /// Reads the parameter; `None` for `auto`.
    pub fn parse(text: &str) -> Result<Option<Self>, RangeError> {
        if text == "auto" {
            return Ok(None);
        }
        let step = Self::ALL.into_iter().find(|step| step.as_str() == text);
        step.map(Some)
            .ok_or_else(|| RangeError::Step(text.chars().take(64).collect()))
    }

    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute1 => "1m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Hour1 => "1h",
            Self::Day1 => "1d",
            Self::Month1 => "1mo",
        }
    }

    /// The step that shows `length` milliseconds in at most some 750 points. Steps under an hour need minutes.
    #[must_use]
    pub fn auto(length: i64, has_minutes: impl Fn(Self) -> bool) -> Self {
        let longest = [
            (2 * HOUR, Self::Minute1),
            (6 * HOUR, Self::Minute5),
            (DAY, Self::Minute15),
            (WEEK, Self::Hour1),
            (400 * DAY, Self::Day1),
        ];
        let step = longest.into_iter().find(|(longest, _)| length <= *longest);
        let step = step.map_or(Self::Month1, |(_, step)| step);
        if step.is_minutes() && !has_minutes(step) {
            Self::Hour1
        } else {
            step
        }
    }

    /// Whether it needs the minute level.
    #[must_use]
    pub fn is_minutes(self) -> bool {
        self < Self::Hour1
    }

    /// Its width in milliseconds; `None` for calendar steps.
    #[must_use]
    pub fn width(self) -> Option<i64> {
        match self {
            Self::Minute1 => Some(MINUTE),
            Self::Minute5 => Some(5 * MINUTE),
            Self::Minute15 => Some(15 * MINUTE),
            Self::Hour1 => Some(HOUR),
            Self::Day1 | Self::Month1 => None,
        }
    }

    /// Start of the step that holds `at`.
    #[must_use]
    pub fn floor(self, at: UnixMillis, zone: &Zone) -> UnixMillis {
        match self.width() {
            Some(width) => UnixMillis(at.0.div_euclid(width) * width),
            None if self == Self::Day1 => zone.day_start(at),
            None => zone.month_start(at),
        }
    }

    /// Starts of the steps from `from`, itself a start, to before `to`; `None` when they are over [`MAX_POINTS`].
    #[must_use]
    pub fn starts(self, from: UnixMillis, to: UnixMillis, zone: &Zone) -> Option<Vec<UnixMillis>> {
        let mut starts = Vec::new();
        let mut start = from;
        while start < to {
            if starts.len() == MAX_POINTS {
                return None;
            }
            starts.push(start);
            start = match self.width() {
                Some(width) => start.plus(width),
                None if self == Self::Day1 => zone.next_day(start),
                None => zone.next_month(start),
            };
        }
        Some(starts)
    }
}
