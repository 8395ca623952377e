//! Each event of a request checked, masked, stamped and sent towards its pipeline.

use std::{borrow::Cow, collections::BTreeMap};

use sendry_domain::{
    event::{
        self, EventError, Rule,
        fields::{Field, Fields},
    },
    fingerprint::Fingerprint,
    id::{EventId, PipelineName},
    redact,
    time::UnixMillis,
    window::Window,
};
use serde_json::value::RawValue;

use super::batch::SentEvent;

/// What decides over events of a request.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// Accepted event times.
    pub window: Window,
    /// When the request came.
    pub at: UnixMillis,
    /// Whether the key may write for a service.
    pub allows_service: &'a dyn Fn(&str) -> bool,
    /// Which pipeline takes an event of (service, environment).
    pub pipeline: &'a dyn Fn(&str, Option<&str>) -> PipelineName,
}

/// An event on its way.
#[derive(Debug)]
pub struct Accepted {
    /// Position in the client's request.
    pub index: u32,
    /// The client's id for it.
    pub event_id: Option<EventId>,
    /// Of the client's bytes, where the client named the event.
    pub fingerprint: Option<Fingerprint>,
    /// The bytes to keep.
    pub body: Box<RawValue>,
    /// When it happened.
    pub timestamp: UnixMillis,
}

/// A refused event.
#[derive(Debug)]
pub struct Rejected {
    /// Position in the client's request.
    pub index: u32,
    /// The client's id for it, if readable.
    pub event_id: Option<String>,
    /// Why.
    pub error: EventError,
}

/// The outcome of a request.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Events by pipeline, in the client's order.
    pub accepted: BTreeMap<PipelineName, Vec<Accepted>>,
    /// Refusals, in the client's order.
    pub rejected: Vec<Rejected>,
    /// Fields that the contract does not know, over all events.
    pub unknown_fields: u64,
}

impl Verdict {
    /// How many events were accepted.
    #[must_use]
    pub fn accepted_count(&self) -> u32 {
        self.accepted
            .values()
            .map(|events| events.len() as u32)
            .sum()
    }
}

/// Checks the events of a request.
#[must_use]
pub fn check(events: &[SentEvent<'_>], policy: Policy<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    for (sent, index) in events.iter().zip(0u32..) {
        match check_one(sent, index, policy, &mut verdict.unknown_fields) {
            Ok((pipeline, event)) => verdict.accepted.entry(pipeline).or_default().push(event),
            Err(error) => {
                let event_id = sent.ok().and_then(|json| readable_id(json.get()));
                verdict.rejected.push(Rejected {
                    index,
                    event_id,
                    error,
                });
            }
        }
    }
    verdict
}

fn check_one(
    sent: &SentEvent<'_>,
    index: u32,
    policy: Policy<'_>,
    unknown_fields: &mut u64,
) -> Result<(PipelineName, Accepted), EventError> {
    let not_json = || EventError::new(Rule::InvalidJson, "", "an event must be one JSON object");
    let json = sent.map_err(|_| not_json())?;
    let parsed = event::parse(json.get(), policy.window, policy.at)?;
    *unknown_fields += u64::from(parsed.unknown_fields);
    let event = parsed.event;
    if !(policy.allows_service)(&event.service) {
        let message = "this API key may not write for this service";
        return Err(EventError::new(
            Rule::ServiceNotAllowed,
            "serviceName",
            message,
        ));
    }
    let stamp = parsed.needs_stamp.then_some(policy.at);
    let rewritten = redact::rewrite(
        json.get(),
        stamp,
        parsed.names_timestamp,
        parsed.needs_redaction,
    )
    .map_err(|_| {
        EventError::new(
            Rule::InvalidJson,
            "",
            "the event holds a number that is none",
        )
    })?;
    let body = match rewritten {
        Some(text) => RawValue::from_string(text).map_err(|_| not_json())?,
        None => json.to_owned(),
    };
    let pipeline = (policy.pipeline)(&event.service, event.environment.as_deref());
    let fingerprint = event
        .event_id
        .is_some()
        .then(|| Fingerprint::of_event(json.get().as_bytes()));
    let timestamp = event.timestamp;
    Ok((
        pipeline,
        Accepted {
            index,
            event_id: event.event_id,
            fingerprint,
            body,
            timestamp,
        },
    ))
}

/// What a refused event calls itself, cut to what an answer may carry.
fn readable_id(json: &str) -> Option<String> {
    let text = Fields::scan(json).ok()?.get(Field::EventId)?;
    let id: Cow<'_, str> = serde_json::from_str(text).ok()?;
    Some(id.chars().take(128).collect())
}
