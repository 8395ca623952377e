//! One monitored request, as a client describes it in JSON, and the rules it must keep.
//!
//! Parsing is one pass over the bytes that remembers where each known field stands ([`fields`]), then one check a field
//! ([`validate`]), so that every refusal names its field and its rule. The client's bytes themselves travel on
//! untouched; an [`Event`] holds only what is counted.

mod checks;
pub mod error;
pub mod fields;
pub mod limits;
mod validate;

#[cfg(test)]
mod tests;

pub use error::{EventError, Rule};
pub use validate::{Parsed, parse};

use std::sync::Arc;

use crate::{id::EventId, outcome::Outcome, time::UnixMillis};

/// The route template of requests that matched no route.
pub const UNMATCHED: &str = "(unmatched)";
/// What stands for an HTTP method that is not a registered one.
pub const OTHER_METHOD: &str = "_OTHER";

/// What is counted of one monitored request. Absent means absent: never 0 or "".
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The client's identity for it.
    pub event_id: Option<EventId>,
    /// When the request started.
    pub timestamp: UnixMillis,
    /// The monitored service.
    pub service: Arc<str>,
    /// Where the service runs (`production`, `staging`…).
    pub environment: Option<Arc<str>>,
    /// The route template (`/users/:id`), or [`UNMATCHED`].
    pub endpoint: Arc<str>,
    /// Upper-cased; [`OTHER_METHOD`] for unknown verbs.
    pub method: Arc<str>,
    /// 100..=599, or 0 when no response was sent.
    pub status: u16,
    /// How long the request took, in microseconds.
    pub latency_us: u64,
    /// Bytes of the request body.
    pub request_size: Option<u64>,
    /// Bytes of the response body.
    pub response_size: Option<u64>,
    /// Version of the monitored service.
    pub version: Option<Arc<str>>,
    /// Who called it.
    pub consumer: Option<Arc<str>>,
    /// What kind of error the service reported.
    pub error_type: Option<Arc<str>>,
}

impl Event {
    /// Success, the caller's error, or the server's.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::of(self.status, self.error_type.is_some())
    }
}
