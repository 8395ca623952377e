//! Reading one moment: RFC 3339, epoch milliseconds, `now`, or `now-<n><m|h|d>`.

use sendry_domain::time::{DAY, HOUR, MINUTE, UnixMillis};

use super::RangeError;

/// 9999-01-01: the calendar has room on either side of every moment accepted.
const END: i64 = 253_370_764_800_000;

/// Reads `text`, the value of `parameter`.
pub fn parse(
    parameter: &'static str,
    text: &str,
    now: UnixMillis,
) -> Result<UnixMillis, RangeError> {
    read(text, now)
        .filter(|at| (0..END).contains(&at.0))
        .ok_or_else(|| RangeError::Time {
            parameter,
            text: text.chars().take(64).collect(),
        })
}

fn read(text: &str, now: UnixMillis) -> Option<UnixMillis> {
    if let Some(rest) = text.strip_prefix("now") {
        return Some(now.plus(-ago(rest)?));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(UnixMillis);
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(UnixMillis(at.as_millisecond()))
}

/// What `now` is followed by: nothing, or `-`, a number and a unit. In milliseconds.
fn ago(rest: &str) -> Option<i64> {
    if rest.is_empty() {
        return Some(0);
    }
    let rest = rest.strip_prefix('-')?;
    let (unit, number) = match rest.as_bytes().last()? {
        b'm' => (MINUTE, rest.strip_suffix('m')?),
        b'h' => (HOUR, rest.strip_suffix('h')?),
        b'd' => (DAY, rest.strip_suffix('d')?),
        _ => return None,
    };
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<i64>().ok()?.checked_mul(unit)
}
