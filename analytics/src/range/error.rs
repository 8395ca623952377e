//! What can be wrong with a range.

use sendry_domain::time::UnixMillis;

use super::{MAX_POINTS, Step};

/// A range that cannot be answered. [`Self::code`] is part of the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not a moment.
    #[error("`{parameter}` is not a time: `{text}`")]
    Time {
        /// `from` or `to`.
        parameter: &'static str,
        /// What was sent, shortened.
        text: String,
    },
    /// Not a zone of the IANA database.
    #[error("`tz` is not an IANA time zone: `{0}`")]
    Zone(String),
    /// Not one of the steps.
    #[error("`step` is not a step: `{0}`")]
    Step(String),
    /// Nothing lies between the two.
    #[error("`from` must be before `to`")]
    Empty,
    /// More points than an answer may have.
    #[error("the range has more than {MAX_POINTS} steps of {}", .step.as_str())]
    TooWide {
        /// The step asked for.
        step: Step,
        /// The smallest one that fits.
        fits: Option<Step>,
    },
    /// Minutes of that time are dropped already.
    #[error("minutes are kept 9 days, so steps of {} begin at {}", .step.as_str(), .since.to_rfc3339().unwrap_or_default())]
    MinutesExpired {
        /// The step asked for.
        step: Step,
        /// Where minutes begin.
        since: UnixMillis,
    },
}

impl RangeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Time { .. } => "invalid_time",
            Self::Zone(_) => "invalid_tz",
            Self::Step(_) => "invalid_step",
            Self::Empty => "invalid_range",
            Self::TooWide { .. } => "query_too_wide",
            Self::MinutesExpired { .. } => "minutes_expired",
        }
    }

    /// What the client can do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Time { .. } => {
                "use RFC 3339 (2026-03-01T00:00:00Z; write `+` as %2B), epoch milliseconds, `now`, or `now-` with a number and m, h or d".to_owned()
            }
            Self::Zone(_) => "use a name like UTC, Europe/Warsaw or Asia/Kolkata".to_owned(),
            Self::Step(_) => "use auto, 1m, 5m, 15m, 1h, 1d or 1mo".to_owned(),
            Self::Empty => "`to` is exclusive and defaults to now; `from` defaults to now-24h".to_owned(),
            Self::TooWide { fits: Some(step), .. } => {
                format!("use step={} or a shorter range", step.as_str())
            }
            Self::TooWide { fits: None, .. } => "use a shorter range".to_owned(),
            Self::MinutesExpired { .. } => "use step=1h, or a later `from`".to_owned(),
        }
    }
}
