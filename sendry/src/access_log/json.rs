//! Access logs of one JSON object a line. Which names mean what is in [`keys`].

mod keys;

use std::borrow::Cow;

use sendry_domain::event::OTHER_METHOD;
use serde_json::Value;

use self::keys::Unit;
use super::{Entry, LatencyField, Reason, combined::logged_status, latency, request, time};

/// Reads one line.
pub(super) fn parse(line: &str, option: LatencyField) -> Result<Entry, Reason> {
    let object: Value = serde_json::from_str(line).map_err(|_| Reason::NotJson)?;
    if !object.is_object() {
        return Err(Reason::NotJson);
    }
    let (method, path) = match object.get("request") {
        // nginx's `$request` as one field: `"request":"GET /a HTTP/1.1"`.
        Some(Value::String(line)) if text(&object, keys::METHOD).is_none() => {
            let request = request::line(line);
            (request.method, request.path)
        }
        _ => {
            let verb = text(&object, keys::METHOD).ok_or(Reason::Missing("method"))?;
            let target = text(&object, keys::PATH).ok_or(Reason::Missing("path"))?;
            (
                request::method(&verb).unwrap_or_else(|| OTHER_METHOD.to_owned()),
                request::path(&target),
            )
        }
    };
    let status = text(&object, keys::STATUS).ok_or(Reason::Missing("status"))?;
    let time = keys::TIME.iter().filter_map(|key| get(&object, key)).next();
    Ok(Entry {
        time_ms: time::from_json(time.ok_or(Reason::Missing("time"))?)
            .ok_or(Reason::InvalidTime)?,
        method,
        path,
        status: logged_status(&status)?,
        latency_us: latency_us(&object, option)?,
        response_bytes: text(&object, keys::BYTES).and_then(|bytes| bytes.parse().ok()),
        client_ip: text(&object, keys::CLIENT_IP).and_then(|ip| request::client_ip(&ip)),
        user_agent: text(&object, keys::USER_AGENT).map(Cow::into_owned),
        host: text(&object, keys::HOST).and_then(|host| request::host(&host)),
    })
}

/// The value under a name with dots: a field of that very name, or objects inside one another.
fn get<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    let found = object.get(key).or_else(|| {
        let (outer, inner) = key.split_once('.')?;
        get(object.get(outer)?, inner)
    })?;
    // Headers are lists in Caddy's logs.
    match found {
        Value::Array(items) => items.first(),
        Value::Null => None,
        found => Some(found),
    }
}

/// The first of these that is a text or a number, as text.
fn text<'a>(object: &'a Value, keys: &[&str]) -> Option<Cow<'a, str>> {
    keys.iter().find_map(|key| match get(object, key)? {
        Value::String(text) if text.is_empty() || text == "-" => None,
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    })
}

fn latency_us(object: &Value, option: LatencyField) -> Result<Option<u64>, Reason> {
    if option == LatencyField::None {
        return Ok(None);
    }
    let found = keys::LATENCY.iter().find_map(|(key, unit)| {
        let text = text(object, &[*key])?;
        latency::go_duration(&text).or_else(|| {
            let number: f64 = text.parse().ok().filter(|n: &f64| n.is_finite())?;
            Some(number * option.unit().unwrap_or_else(|| micros(*unit, object)))
        })
    });
    found.map(latency::whole_micros).transpose()
}

/// Microseconds in a unit.
fn micros(unit: Unit, object: &Value) -> f64 {
    match unit {
        Unit::Seconds => 1e6,
        Unit::Millis => 1e3,
        Unit::Micros => 1.0,
        Unit::Nanos => 1e-3,
        // Caddy's objects are known by `request.uri`.
        Unit::SecondsOfCaddy if get(object, "request.uri").is_some() => 1e6,
        Unit::SecondsOfCaddy => 1e3,
    }
}

#[cfg(test)]
mod tests;
