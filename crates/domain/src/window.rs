//! Which event times are accepted.
//!
//! The window must stay inside the time for which identities are remembered, or an event could be counted again after
//! its row has left the ledger (see [`crate::ledger`]).

use crate::time::{DAY, HOUR, MINUTE, UnixMillis};

/// How far ahead of the server's clock an event may lie, in milliseconds.
pub const FUTURE: i64 = 10 * MINUTE;
/// The longest window a tenant may have, in milliseconds.
pub const MAX_PAST: i64 = 7 * DAY;
/// How far back history may be imported (25 months, counted as 25 × 31 days), in milliseconds.
pub const BACKFILL_PAST: i64 = 25 * 31 * DAY;
/// What workers allow beyond the window: ingest judged each request by its own arrival, the message carries one.
const GRACE: i64 = MINUTE;

/// The accepted event times relative to the moment of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    past: i64,
    grace: i64,
}

/// Why an event time is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideWindow {
    /// Before the window; carries its length in milliseconds.
    TooOld(i64),
    /// More than [`FUTURE`] ahead.
    InFuture,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            past: 48 * HOUR,
            grace: 0,
        }
    }
}

impl Window {
    /// A window of `past` milliseconds, held to 1 minute..[`MAX_PAST`].
    #[must_use]
    pub fn live(past: i64) -> Self {
        Self {
            past: past.clamp(MINUTE, MAX_PAST),
            grace: 0,
        }
    }

    /// The window of imported history.
    #[must_use]
    pub fn backfill() -> Self {
        Self {
            past: BACKFILL_PAST,
            grace: 0,
        }
    }

    /// The same window as workers apply it: a minute wider at both ends, so that what ingest accepted is never late.
    #[must_use]
    pub fn for_worker(self) -> Self {
        Self {
            grace: GRACE,
            ..self
        }
    }

    /// How far back it reaches, in milliseconds.
    #[must_use]
    pub fn past(self) -> i64 {
        self.past
    }

    /// Judges `event` as seen at `accepted_at`.
    pub fn judge(self, event: UnixMillis, accepted_at: UnixMillis) -> Result<(), OutsideWindow> {
        if event > accepted_at.plus(FUTURE + self.grace) {
            Err(OutsideWindow::InFuture)
        } else if event < accepted_at.plus(-self.past - self.grace) {
            Err(OutsideWindow::TooOld(self.past))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_inclusive() {
        let (w, now) = (Window::live(48 * HOUR), UnixMillis(1_800_000_000_000));
        assert_eq!(w.judge(now.plus(FUTURE), now), Ok(()));
        assert_eq!(
            w.judge(now.plus(FUTURE + 1), now),
            Err(OutsideWindow::InFuture)
        );
        assert_eq!(w.judge(now.plus(-48 * HOUR), now), Ok(()));
        assert_eq!(
            w.judge(now.plus(-48 * HOUR - 1), now),
            Err(OutsideWindow::TooOld(48 * HOUR))
        );
        assert_eq!(
            w.for_worker().judge(now.plus(-48 * HOUR - MINUTE), now),
            Ok(())
        );
    }

    #[test]
    fn a_window_never_exceeds_seven_days() {
        assert_eq!(Window::live(i64::MAX).past(), MAX_PAST);
        assert_eq!(Window::live(-5).past(), MINUTE);
    }
}
