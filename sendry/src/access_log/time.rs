//! Reads the times that logs are written with.

use jiff::{Timestamp, fmt::strtime};
use serde_json::Value;

/// `10/Oct/2000:13:55:36 -0700`, with or without a fraction of the second.
const COMMON: &str = "%d/%b/%Y:%H:%M:%S%.f %z";

/// Milliseconds since the Unix epoch, or `None` where the text is no time. A time without a zone is none: guessing one
/// would move a whole file by hours.
pub(super) fn parse(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        return unix(number);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let time = strtime::parse(COMMON, text).ok()?.to_timestamp().ok()?;
    Some(time.as_millisecond())
}

/// The same of a JSON value.
pub(super) fn from_json(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => unix(number.as_f64()?),
        _ => None,
    }
}

/// Unix times come in seconds (Caddy, nginx's `$msec`), milliseconds (pino), microseconds and nanoseconds (zap). Their
/// sizes are a thousand apart, so for 1973 to 5138 there is only one reading of each.
fn unix(number: f64) -> Option<i64> {
    const SECONDS_FROM: f64 = 1e8;
    const SECONDS_BEFORE: f64 = 1e11;
    let mut millis_a_unit = 1_000.0;
    let mut limit = SECONDS_BEFORE;
    while number >= limit && limit < 1e20 {
        limit *= 1_000.0;
        millis_a_unit /= 1_000.0;
    }
    (number >= SECONDS_FROM && number < limit.min(1e20))
        .then(|| (number * millis_a_unit).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_usual_form() {
        for text in [
            "18/Nov/2026:09:00:00 +0000",
            "18/Nov/2026:10:00:00 +0100",
            "2026-11-18T09:00:00Z",
            "2026-11-18T10:00:00.000+01:00",
            "2026-11-18T10:00:00+0100",
            "1794992400",
            "1794992400.000",
            "1794992400000",
            "1794992400000000",
            "1794992400000000000",
        ] {
            assert_eq!(parse(text), Some(1_794_992_400_000), "{text}");
        }
        assert_eq!(
            parse("18/Nov/2026:09:00:00.250 +0000"),
            Some(1_794_992_400_250)
        );
        assert_eq!(parse("1794992400.1234"), Some(1_794_992_400_123));
    }

    #[test]
    fn refuses_what_is_no_instant() {
        let texts = [
            "",
            "-",
            "2026-11-18 09:00:00",
            "09:00",
            "12",
            "-1794992400",
            "NaN",
            "inf",
            "1e30",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
