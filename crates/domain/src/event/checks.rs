//! One check a kind of field: JSON text in, a value or a precise refusal out.

use std::borrow::Cow;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    error::{EventError, Rule},
    fields::Field,
    limits,
};
use crate::time::UnixMillis;

pub(super) type Checked<T> = Result<T, EventError>;

fn refuse<T>(rule: Rule, field: Field, message: impl Into<Cow<'static, str>>) -> Checked<T> {
    Err(EventError::new(rule, field.name(), message))
}

/// A JSON string, borrowed where it has no escapes.
pub(super) fn string(field: Field, json: &str) -> Checked<Cow<'_, str>> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    if !json.starts_with('"') {
        return refuse(
            Rule::InvalidType,
            field,
            format!("{} must be a string", field.name()),
        );
    }
    serde_json::Deserializer::from_str(json)
        .deserialize_str(Text)
        .or_else(|_| {
            let message = format!("{} has an invalid escape", field.name());
            refuse(Rule::InvalidValue, field, message)
        })
}

/// A string of 1..=`max` characters without control characters.
pub(super) fn text(field: Field, json: &str, max: usize) -> Checked<Cow<'_, str>> {
    let text = string(field, json)?;
    let name = field.name();
    if text.is_empty() {
        return refuse(
            Rule::InvalidValue,
            field,
            format!("{name} must not be empty; leave it out"),
        );
    }
    if text.len() > max && text.chars().count() > max {
        let message = format!("{name} may have at most {max} characters");
        return refuse(Rule::TooLong, field, message);
    }
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        let message = format!("{name} must not have control characters");
        return refuse(Rule::InvalidValue, field, message);
    }
    Ok(text)
}

/// A text of letters, digits and `._-`.
pub(super) fn token(field: Field, json: &str, max: usize) -> Checked<Cow<'_, str>> {
    let token = text(field, json, max)?;
    if token
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    {
        return Ok(token);
    }
    let message = format!("{} may have letters, digits and `._-` only", field.name());
    refuse(Rule::InvalidValue, field, message)
}

/// A text in which only line breaks and tabs are allowed as control characters.
pub(super) fn prose(field: Field, json: &str, max: usize) -> Checked<()> {
    let text = string(field, json)?;
    if text.len() > max && text.chars().count() > max {
        let message = format!("{} may have at most {max} characters", field.name());
        return refuse(Rule::TooLong, field, message);
    }
    Ok(())
}

/// Lower- or upper-case hexadecimal digits of an exact length, not all zero (W3C trace context).
pub(super) fn hex(field: Field, json: &str, digits: usize) -> Checked<()> {
    let text = string(field, json)?;
    let right = text.len() == digits
        && text.bytes().all(|b| b.is_ascii_hexdigit())
        && text.bytes().any(|b| b != b'0');
    if right {
        return Ok(());
    }
    let message = format!(
        "{} must be {digits} hexadecimal digits, not all zero",
        field.name()
    );
    refuse(Rule::InvalidValue, field, message)
}

/// An IP address, version 4 or 6.
pub(super) fn ip(field: Field, json: &str) -> Checked<()> {
    let address = text(field, json, limits::CLIENT_IP)?;
    match address.parse::<std::net::IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => refuse(
            Rule::InvalidValue,
            field,
            "clientIp must be an IPv4 or IPv6 address",
        ),
    }
}

/// A JSON number as written.
fn number(field: Field, json: &str) -> Checked<&str> {
    if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(json);
    }
    refuse(
        Rule::InvalidType,
        field,
        format!("{} must be a number", field.name()),
    )
}

/// A whole number in a range.
pub(super) fn integer(field: Field, json: &str, max: u64) -> Checked<u64> {
    let text = number(field, json)?;
    let name = field.name();
    let value = match text.parse::<u64>() {
        Ok(value) => Some(value),
        // `200.0` and `1e3` are whole numbers too; past 2^53 they are not exact and past every limit here.
        Err(_) => text
            .parse::<f64>()
            .ok()
            .filter(|v| v.fract() == 0.0 && (0.0..=limits::SIZE as f64).contains(v))
            .map(|v| v as u64),
    };
    match value {
        Some(value) if value <= max => Ok(value),
        _ => refuse(
            Rule::OutOfRange,
            field,
            format!("{name} must be a whole number, 0 to {max}"),
        ),
    }
}

/// `statusCode`: 0 or 100..=599.
pub(super) fn status(json: &str) -> Checked<u16> {
    const MESSAGE: &str = "statusCode must be 0 (no response was sent) or 100 to 599";
    match integer(Field::StatusCode, json, 599) {
        Ok(code @ (0 | 100..=599)) => Ok(code as u16),
        Err(error) if error.rule == Rule::InvalidType => Err(error),
        _ => refuse(Rule::OutOfRange, Field::StatusCode, MESSAGE),
    }
}

/// `latencyMs`, to whole microseconds.
pub(super) fn latency(json: &str) -> Checked<u64> {
    let field = Field::LatencyMs;
    let micros = number(field, json)?
        .parse::<f64>()
        .map(|ms| (ms * 1_000.0).round());
    match micros {
        Ok(us) if (0.0..=limits::LATENCY_US as f64).contains(&us) => Ok(us as u64),
        _ => refuse(
            Rule::OutOfRange,
            field,
            "latencyMs must be 0 to 86400000 milliseconds",
        ),
    }
}

/// `timestamp`: RFC 3339 text or epoch milliseconds (a fraction is cut).
pub(super) fn timestamp(json: &str) -> Checked<UnixMillis> {
    const MESSAGE: &str = "timestamp must be RFC 3339 with a zone, or epoch milliseconds";
    let field = Field::Timestamp;
    if json.starts_with('"') {
        let text = string(field, json)?;
        return match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(UnixMillis(at.as_millisecond())),
            Err(_) => refuse(Rule::InvalidValue, field, MESSAGE),
        };
    }
    let Ok(text) = number(field, json) else {
        return refuse(Rule::InvalidType, field, MESSAGE);
    };
    match text.parse::<i64>() {
        Ok(ms) => Ok(UnixMillis(ms)),
        Err(_) => match text.parse::<f64>() {
            Ok(ms) if ms.abs() <= limits::SIZE as f64 => Ok(UnixMillis(ms.floor() as i64)),
            _ => refuse(Rule::OutOfRange, field, MESSAGE),
        },
    }
}

/// `true` or `false`.
pub(super) fn boolean(field: Field, json: &str) -> Checked<()> {
    match json {
        "true" | "false" => Ok(()),
        _ => refuse(
            Rule::InvalidType,
            field,
            format!("{} must be true or false", field.name()),
        ),
    }
}

/// A captured body: any JSON value of a bounded size.
pub(super) fn body(field: Field, json: &str) -> Checked<()> {
    if json.len() <= limits::BODY_BYTES {
        return Ok(());
    }
    let message = format!(
        "{} may have at most {} bytes",
        field.name(),
        limits::BODY_BYTES
    );
    refuse(Rule::TooLong, field, message)
}

/// An object of at most 64 bounded names with bounded values.
pub(super) fn names(field: Field, json: &str) -> Checked<()> {
    if !json.starts_with('{') {
        return refuse(
            Rule::InvalidType,
            field,
            format!("{} must be an object", field.name()),
        );
    }
    let mut broken = None;
    let visit = NamesVisitor {
        field,
        broken: &mut broken,
    };
    let scanned = serde_json::Deserializer::from_str(json).deserialize_map(visit);
    match (broken, scanned) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        (None, Err(_)) => refuse(
            Rule::InvalidValue,
            field,
            format!("{} has an invalid name", field.name()),
        ),
    }
}

struct NamesVisitor<'b> {
    field: Field,
    broken: &'b mut Option<EventError>,
}

impl<'de> Visitor<'de> for NamesVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        let parent = self.field.name();
        let mut count = 0;
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            count += 1;
            let path = || format!("{parent}.{}", name.chars().take(64).collect::<String>());
            let broken = if count > limits::NAMES {
                let message = format!("{parent} may have at most {} names", limits::NAMES);
                Some(EventError::new(Rule::TooLong, parent, message))
            } else if name.chars().count() > limits::NAME {
                let message = format!("a name may have at most {} characters", limits::NAME);
                Some(EventError::new(Rule::TooLong, path(), message))
            } else if value.get().len() > limits::VALUE {
                let message = format!("a value may have at most {} bytes", limits::VALUE);
                Some(EventError::new(Rule::TooLong, path(), message))
            } else {
                None
            };
            if let Some(error) = broken {
                *self.broken = Some(error);
                return Err(A::Error::custom("a name or value is over its limit"));
            }
        }
        Ok(())
    }
}
