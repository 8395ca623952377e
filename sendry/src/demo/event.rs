//! One event of the shop, as Sendry takes it.

use serde_json::{Map, Value};

use super::ENVIRONMENT;

/// One request. Absent means absent.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoEvent {
    /// When the request started, in milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// One of [`super::SERVICES`].
    pub service: &'static str,
    /// The route template.
    pub endpoint: &'static str,
    /// `GET`, …
    pub method: &'static str,
    /// 499 where the client left first.
    pub status: u16,
    /// Microseconds, at least one.
    pub latency_us: u64,
    /// Bytes; `None` where the request has no body.
    pub request_bytes: Option<u64>,
    /// Bytes; `None` where no response was sent.
    pub response_bytes: Option<u64>,
    /// The path that was asked for.
    pub path: String,
    /// From a range reserved for documentation.
    pub client_ip: String,
    /// Of a browser, an app or another service.
    pub user_agent: &'static str,
    /// Who called.
    pub consumer: &'static str,
    /// The service's version.
    pub version: String,
    /// What went wrong, in the service's words; only with a status from 500.
    pub error: Option<(&'static str, &'static str)>,
}

impl DemoEvent {
    /// The event as JSON, without `eventId`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
        put("timestamp", self.timestamp_ms.into());
        put("serviceName", self.service.into());
        put("environment", ENVIRONMENT.into());
        put("endpoint", self.endpoint.into());
        put("method", self.method.into());
        put("statusCode", self.status.into());
        put("latencyMs", (self.latency_us as f64 / 1_000.0).into());
        for (name, bytes) in [
            ("requestSize", self.request_bytes),
            ("responseSize", self.response_bytes),
        ] {
            if let Some(bytes) = bytes {
                put(name, bytes.into());
            }
        }
        put("path", self.path.as_str().into());
        put("clientIp", self.client_ip.as_str().into());
        put("userAgent", self.user_agent.into());
        put("consumer", self.consumer.into());
        put("version", self.version.as_str().into());
        if let Some((kind, message)) = self.error {
            put("errorType", kind.into());
            put("errorMessage", message.into());
        }
        if self.status == 499 {
            put("aborted", true.into());
        }
        Value::Object(event)
    }

    /// The bytes of that JSON.
    #[must_use]
    pub fn to_json_bytes(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }
}
