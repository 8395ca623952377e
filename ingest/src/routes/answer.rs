//! What clients are told.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use sendry_domain::event::EventError;
use sendry_runtime::http::Problem;
use serde::Serialize;
use uuid::Uuid;

use super::deliver::{Failure, Retry};
use crate::{
    accept::{BatchError, MAX_EVENTS, Rejected},
    quota::{OverRate, Standing},
};

/// Refused events listed in one answer.
const LISTED: usize = 100;

/// The 202 of a batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchAnswer {
    pub(super) batch_id: Option<Uuid>,
    pub(super) accepted: u32,
    pub(super) rejected: usize,
    pub(super) errors: Vec<ErrorItem>,
}

/// One refused event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorItem {
    index: u32,
    event_id: Option<String>,
    code: &'static str,
    field: Option<String>,
    message: String,
}

impl From<Rejected> for ErrorItem {
    fn from(rejected: Rejected) -> Self {
        let Rejected {
            index,
            event_id,
            error,
        } = rejected;
        let EventError {
            rule,
            field,
            message,
        } = error;
        Self {
            index,
            event_id,
            code: rule.code(),
            field: (!field.is_empty()).then(|| field.into_owned()),
            message: message.into_owned(),
        }
    }
}

/// The first [`LISTED`] refusals.
pub(super) fn listed(rejected: Vec<Rejected>) -> Vec<ErrorItem> {
    rejected
        .into_iter()
        .take(LISTED)
        .map(ErrorItem::from)
        .collect()
}

/// A request that is no batch.
pub(super) fn no_batch(error: &BatchError) -> Problem {
    let form = "{\"events\": [{\"serviceName\": \"shop\", \"endpoint\": \"/orders/:id\", \"method\": \"GET\", \"statusCode\": 200, \"latencyMs\": 12.5}]}";
    let unprocessable = |code| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code);
    match error {
        BatchError::Malformed(why) => Problem::new(StatusCode::BAD_REQUEST, "malformed_json")
            .detail(format!("the body is not JSON: {why}")),
        BatchError::Form(why) => unprocessable("invalid_batch").detail(*why).hint(form),
        BatchError::BatchId => unprocessable("invalid_batch_id")
            .detail("`batchId` must be a UUID")
            .hint("make one per batch and keep it for retries of the same bytes"),
        BatchError::Empty => unprocessable("empty_batch")
            .detail("the batch has no events")
            .hint(form),
        BatchError::TooMany(n) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events")
            .detail(format!(
                "the batch has {n} events, {MAX_EVENTS} are allowed; nothing was stored"
            ))
            .hint("split it, each part under its own batchId")
            .member("maxEvents", MAX_EVENTS),
    }
}

/// A batch of which no event is valid.
pub(super) fn all_rejected(batch: Option<Uuid>, rejected: Vec<Rejected>) -> Problem {
    let count = rejected.len();
    let errors = serde_json::to_value(listed(rejected)).unwrap_or_default();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "all_events_rejected")
        .detail("no event of the batch is valid; nothing was stored")
        .hint("`errors` names each event's field and rule; retrying the same bytes cannot help")
        .member("batchId", batch.map(|id| id.to_string()))
        .member("accepted", 0)
        .member("rejected", count)
        .member("errors", errors)
}

/// The refusal of the only event of a request.
pub(super) fn invalid_event(error: EventError) -> Problem {
    use sendry_domain::event::Rule;
    let EventError {
        rule,
        field,
        message,
    } = error;
    let status = match rule {
        Rule::InvalidJson => StatusCode::BAD_REQUEST,
        Rule::EventTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Rule::ServiceNotAllowed => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let problem = Problem::new(status, rule.code()).detail(message);
    if field.is_empty() {
        problem
    } else {
        problem.member("field", field.into_owned())
    }
}

/// Over the tenant's rate; `dressed` is how this route words a refusal.
pub(super) fn over_rate(over: OverRate, dressed: fn(Problem) -> Problem) -> Response {
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited")
        .detail(format!(
            "the tenant may send {} events a second; nothing was stored",
            over.rate.per_second
        ))
        .hint("wait as long as Retry-After says; keep the events")
        .retry_after(Duration::from_millis(over.retry_after.0));
    let mut response = dressed(problem).into_response();
    let standing = Standing {
        rate: over.rate,
        remaining: 0,
    };
    rate_headers(
        response.headers_mut(),
        standing,
        over.retry_after.0.div_ceil(1_000),
    );
    response
}

/// `RateLimit` and `RateLimit-Policy` as the IETF draft has them: quota `q` a window of `w` seconds, `r` remaining, `t`
/// seconds until there is more.
pub(super) fn rate_headers(headers: &mut HeaderMap, standing: Standing, reset: u64) {
    let policy = format!("\"tenant\";q={};w=1", standing.rate.per_second);
    let now = format!("\"tenant\";r={};t={}", standing.remaining, reset);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", now)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// Valid events that did not become durable.
pub(super) fn not_stored(failure: Failure, batch: Option<Uuid>) -> Problem {
    let unavailable = |code| Problem::new(StatusCode::SERVICE_UNAVAILABLE, code);
    match failure {
        Failure::Unavailable(wait) => unavailable("unavailable")
            .detail("the queue is away; surely nothing was stored")
            .hint("retry the same request")
            .retry_after(Duration::from_millis(wait)),
        Failure::Full => unavailable("backlog_full")
            .detail("this tenant's queue is full; surely nothing was stored")
            .hint("retry later; the tenant's workers are behind or its backlog limit is small")
            .retry_after(Duration::from_secs(1)),
        Failure::Unknown(retries) => {
            let events = serde_json::to_value(retries).unwrap_or_default();
            unavailable("unknown")
                .detail("no confirm for all of the events; some may be stored")
                .hint("retry under the same batchId, or give each event the eventId listed here: then it counts once")
                .member("batchId", batch.map(|id| id.to_string()))
                .member("events", events)
                .retry_after(Duration::from_secs(1))
        }
    }
}

impl Serialize for Retry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut item = serializer.serialize_struct("Retry", 2)?;
        item.serialize_field("index", &self.index)?;
        item.serialize_field("eventId", &self.event_id)?;
        item.end()
    }
}

/// Codes as metric labels: a bounded set, whatever a problem is called.
pub(super) fn known_code(code: &str) -> &'static str {
    const CODES: [&str; 27] = [
        "missing_key",
        "malformed_key",
        "mistyped_key",
        "unknown_key",
        "ambiguous_key",
        "revoked_key",
        "expired_key",
        "address_not_allowed",
        "backfill_not_allowed",
        "invalid_scope",
        "suspended",
        "unavailable",
        "backlog_full",
        "unknown",
        "rate_limited",
        "body_too_large",
        "too_many_events",
        "unsupported_content_type",
        "unsupported_encoding",
        "malformed_json",
        "invalid_batch",
        "invalid_batch_id",
        "empty_batch",
        "empty_body",
        "all_events_rejected",
        "too_deep",
        "slow_body",
    ];
    CODES
        .iter()
        .find(|known| **known == code)
        .copied()
        .unwrap_or("refused")
}
