//! From the JSON of one event to an [`Event`], or to the first rule it breaks.

use std::{borrow::Cow, sync::Arc};

use super::{
    Event, OTHER_METHOD, UNMATCHED, checks,
    checks::Checked,
    error::{EventError, Rule},
    fields::{Field, Fields, ScanError},
    limits,
};
use crate::{
    id::EventId,
    time::{DAY, HOUR, UnixMillis},
    window::{OutsideWindow, Window},
};

/// A valid event, and what the scan of its bytes showed besides.
#[derive(Debug)]
pub struct Parsed {
    /// What is counted.
    pub event: Event,
    /// The client gave no time: the bytes must be stamped before they travel on.
    pub needs_stamp: bool,
    /// `timestamp` stands in the bytes as null, so stamping has to replace it.
    pub names_timestamp: bool,
    /// The event carries headers, bodies, attributes, a path or a message: something a secret may hide in.
    pub needs_redaction: bool,
    /// How many fields the contract does not know.
    pub unknown_fields: u32,
}

/// Checks the JSON of one event as accepted at `accepted_at`; an event without a time gets that one.
///
/// # Errors
/// The first rule the event breaks, with its field.
pub fn parse(json: &str, window: Window, accepted_at: UnixMillis) -> Result<Parsed, EventError> {
    if json.len() > limits::EVENT_BYTES {
        let message = format!(
            "an event may have at most {} bytes of JSON",
            limits::EVENT_BYTES
        );
        return Err(EventError::new(Rule::EventTooLarge, "", message));
    }
    let fields = Fields::scan(json).map_err(scan_error)?;
    let event = build(&fields, window, accepted_at)?;
    check_details(&fields)?;
    Ok(Parsed {
        event,
        needs_stamp: fields.get(Field::Timestamp).is_none(),
        names_timestamp: fields.names_timestamp,
        needs_redaction: REDACTABLE.iter().any(|field| fields.get(*field).is_some()),
        unknown_fields: fields.unknown,
    })
}

/// The fields in which a secret may travel.
const REDACTABLE: [Field; 6] = [
    Field::RequestHeaders,
    Field::ResponseHeaders,
    Field::RequestBody,
    Field::ResponseBody,
    Field::Attributes,
    Field::Path,
];

fn scan_error(error: ScanError) -> EventError {
    match error {
        ScanError::Duplicate(field) => EventError::new(
            Rule::DuplicateField,
            field.name(),
            format!("{} stands twice (perhaps under its alias)", field.name()),
        ),
        ScanError::Json(_) => {
            EventError::new(Rule::InvalidJson, "", "an event must be one JSON object")
        }
    }
}

fn required<'a>(fields: &Fields<'a>, field: Field) -> Checked<&'a str> {
    fields.get(field).ok_or_else(|| {
        let message = format!("{} is required", field.name());
        EventError::new(Rule::MissingField, field.name(), message)
    })
}

fn optional<'a, T>(
    fields: &Fields<'a>,
    field: Field,
    check: impl FnOnce(&'a str) -> Checked<T>,
) -> Checked<Option<T>> {
    fields.get(field).map(check).transpose()
}

fn shared(text: Cow<'_, str>) -> Arc<str> {
    Arc::from(text.as_ref())
}

fn build(fields: &Fields<'_>, window: Window, accepted_at: UnixMillis) -> Checked<Event> {
    use Field as F;
    let short = |field: Field, max: usize| {
        optional(fields, field, |json| {
            checks::text(field, json, max).map(shared)
        })
    };
    Ok(Event {
        event_id: optional(fields, F::EventId, event_id)?,
        timestamp: time(fields, window, accepted_at)?,
        service: shared(checks::token(
            F::ServiceName,
            required(fields, F::ServiceName)?,
            limits::SERVICE,
        )?),
        environment: optional(fields, F::Environment, |json| {
            checks::token(F::Environment, json, limits::ENVIRONMENT).map(shared)
        })?,
        endpoint: endpoint(required(fields, F::Endpoint)?)?,
        method: method(required(fields, F::Method)?)?,
        status: checks::status(required(fields, F::StatusCode)?)?,
        latency_us: checks::latency(required(fields, F::LatencyMs)?)?,
        request_size: optional(fields, F::RequestSize, |json| {
            checks::integer(F::RequestSize, json, limits::SIZE)
        })?,
        response_size: optional(fields, F::ResponseSize, |json| {
            checks::integer(F::ResponseSize, json, limits::SIZE)
        })?,
        version: short(F::Version, limits::VERSION)?,
        consumer: short(F::Consumer, limits::CONSUMER)?,
        error_type: short(F::ErrorType, limits::ERROR_TYPE)?,
    })
}

/// What is kept with the raw event but not counted.
fn check_details(fields: &Fields<'_>) -> Checked<()> {
    use Field as F;
    optional(fields, F::ClientIp, |json| checks::ip(F::ClientIp, json))?;
    optional(fields, F::UserAgent, |json| {
        checks::prose(F::UserAgent, json, limits::USER_AGENT)
    })?;
    optional(fields, F::Path, |json| {
        checks::prose(F::Path, json, limits::PATH)
    })?;
    optional(fields, F::Host, |json| {
        checks::text(F::Host, json, limits::HOST)
    })?;
    optional(fields, F::RequestId, |json| {
        checks::text(F::RequestId, json, limits::REQUEST_ID)
    })?;
    optional(fields, F::TraceId, |json| checks::hex(F::TraceId, json, 32))?;
    optional(fields, F::SpanId, |json| checks::hex(F::SpanId, json, 16))?;
    optional(fields, F::ErrorMessage, |json| {
        checks::prose(F::ErrorMessage, json, limits::ERROR_MESSAGE)
    })?;
    optional(fields, F::Aborted, |json| checks::boolean(F::Aborted, json))?;
    for field in [F::RequestHeaders, F::ResponseHeaders, F::Attributes] {
        optional(fields, field, |json| checks::names(field, json))?;
    }
    for field in [F::RequestBody, F::ResponseBody] {
        optional(fields, field, |json| checks::body(field, json))?;
    }
    Ok(())
}

fn event_id(json: &str) -> Checked<EventId> {
    let text = checks::string(Field::EventId, json)?;
    EventId::new(&text).map_err(|_| {
        let rule = if text.len() > 128 {
            Rule::TooLong
        } else {
            Rule::InvalidValue
        };
        EventError::new(
            rule,
            "eventId",
            "eventId must be 1 to 128 of letters, digits and `._:-`",
        )
    })
}

fn time(fields: &Fields<'_>, window: Window, accepted_at: UnixMillis) -> Checked<UnixMillis> {
    let Some(json) = fields.get(Field::Timestamp) else {
        return Ok(accepted_at);
    };
    let at = checks::timestamp(json)?;
    window
        .judge(at, accepted_at)
        .map(|()| at)
        .map_err(|outside| {
            let (rule, message) = match outside {
                OutsideWindow::TooOld(past) if past > 8 * DAY => (
                    Rule::TimestampTooOld,
                    format!("timestamp is over {} days old", past / DAY),
                ),
                OutsideWindow::TooOld(past) => (
                    Rule::TimestampTooOld,
                    format!("timestamp is over {} hours old", past / HOUR),
                ),
                OutsideWindow::InFuture => (
                    Rule::TimestampInFuture,
                    "timestamp is over 10 minutes ahead".to_owned(),
                ),
            };
            EventError::new(rule, "timestamp", message)
        })
}

fn endpoint(json: &str) -> Checked<Arc<str>> {
    let text = checks::text(Field::Endpoint, json, limits::ENDPOINT)?;
    if text.starts_with('/') || text == UNMATCHED {
        return Ok(shared(text));
    }
    let message = "endpoint must be a route template starting with `/`, or `(unmatched)`";
    Err(EventError::new(Rule::InvalidValue, "endpoint", message))
}

fn method(json: &str) -> Checked<Arc<str>> {
    const KNOWN: [&str; 10] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY", "TRACE", "CONNECT",
    ];
    let text = checks::text(Field::Method, json, limits::METHOD)?;
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    {
        let message = "method may have letters, digits, `_` and `-` only";
        return Err(EventError::new(Rule::InvalidValue, "method", message));
    }
    let known = KNOWN.iter().find(|m| m.eq_ignore_ascii_case(&text));
    Ok(Arc::from(*known.unwrap_or(&OTHER_METHOD)))
}
