//! From an [`Entry`] to an event as `POST /api/v1/events` takes it.

use std::time::Duration;

use sendry_domain::event::limits;
use serde_json::{Map, Value};

use super::{Entry, Reason};

/// What a log does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `serviceName` of all events.
    pub service: String,
    /// `environment` of all events.
    pub environment: Option<String>,
    /// The latency of requests whose line has none; without it such lines are refused, because a made-up 0 would stand
    /// in every percentile.
    pub assume_latency: Option<Duration>,
}

/// The event of a request to `endpoint` (see [`super::Routes::endpoint`]). It has no `eventId`: its identity is its
/// batch and its position there.
///
/// # Errors
/// [`Reason::NoLatency`], if neither the entry nor the options have one.
pub fn to_event(entry: &Entry, endpoint: &str, options: &Options) -> Result<Value, Reason> {
    let assumed = || u64::try_from(options.assume_latency?.as_micros()).ok();
    let latency_us = entry.latency_us.or_else(assumed).ok_or(Reason::NoLatency)?;
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("timestamp", entry.time_ms.into());
    put("serviceName", options.service.as_str().into());
    if let Some(environment) = &options.environment {
        put("environment", environment.as_str().into());
    }
    put("endpoint", endpoint.into());
    put("method", entry.method.as_str().into());
    put("statusCode", entry.status.into());
    put("latencyMs", millis(latency_us));
    if let Some(bytes) = entry.response_bytes.filter(|bytes| *bytes <= limits::SIZE) {
        put("responseSize", bytes.into());
    }
    for (name, value, limit) in [
        ("path", &entry.path, limits::PATH),
        ("clientIp", &entry.client_ip, limits::CLIENT_IP),
        ("userAgent", &entry.user_agent, limits::USER_AGENT),
        ("host", &entry.host, limits::HOST),
    ] {
        if let Some(text) = value {
            put(name, clip(text, limit).into());
        }
    }
    Ok(Value::Object(event))
}

/// Milliseconds, whole where they are.
fn millis(micros: u64) -> Value {
    match micros % 1_000 {
        0 => (micros / 1_000).into(),
        _ => (micros as f64 / 1_000.0).into(),
    }
}

/// The first `limit` characters.
fn clip(text: &str, limit: usize) -> &str {
    text.char_indices()
        .nth(limit)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use sendry_domain::{event, time::UnixMillis, window::Window};
    use serde_json::json;

    use super::*;

    fn options() -> Options {
        Options {
            service: "shop".into(),
            environment: None,
            assume_latency: None,
        }
    }

    fn entry() -> Entry {
        Entry {
            time_ms: 1_794_992_400_123,
            method: "GET".into(),
            path: Some("/users/7".into()),
            status: 200,
            latency_us: Some(12_345),
            response_bytes: Some(612),
            client_ip: Some("192.0.2.7".into()),
            user_agent: Some("curl/8".into()),
            host: Some("api.example.com".into()),
        }
    }

    #[test]
    fn writes_the_fields_of_the_contract() {
        let options = Options {
            environment: Some("production".into()),
            ..options()
        };
        let want = json!({
            "timestamp": 1_794_992_400_123_i64, "serviceName": "shop", "environment": "production",
            "endpoint": "/users/:id", "method": "GET", "statusCode": 200, "latencyMs": 12.345,
            "responseSize": 612, "path": "/users/7", "clientIp": "192.0.2.7",
            "userAgent": "curl/8", "host": "api.example.com",
        });
        assert_eq!(to_event(&entry(), "/users/:id", &options), Ok(want));
    }

    #[test]
    fn never_makes_a_latency_up() {
        let without = Entry {
            latency_us: None,
            ..entry()
        };
        assert_eq!(to_event(&without, "/", &options()), Err(Reason::NoLatency));
        let assume = Options {
            assume_latency: Some(Duration::from_millis(25)),
            ..options()
        };
        assert_eq!(
            to_event(&without, "/", &assume).map(|e| e["latencyMs"].clone()),
            Ok(json!(25))
        );
    }

    #[test]
    fn the_longest_of_everything_is_accepted() {
        let long = "é".repeat(3_000);
        let entry = Entry {
            path: Some(format!("/{long}")),
            user_agent: Some(long),
            response_bytes: Some(u64::MAX),
            method: "_OTHER".into(),
            ..entry()
        };
        let event = to_event(&entry, event::UNMATCHED, &options()).map(|e| e.to_string());
        let at = UnixMillis(entry.time_ms);
        let parsed = event::parse(&event.unwrap_or_default(), Window::backfill(), at);
        assert_eq!(parsed.map(|parsed| parsed.unknown_fields), Ok(0));
    }
}
