//! One queue message: events of one (tenant, pipeline), sealed once by ingest, and its versioned wire form.
//!
//! JSON, so that a person can read a parked message in the broker's own page; each event's bytes stand in it as the
//! client sent them (re-encoded only where a time was stamped or a secret masked). Once sealed a message never changes:
//! `messageId`, positions and fingerprints are what the ledger rests on.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    fingerprint::Fingerprint,
    id::{KeyId, MessageId, PipelineName, TenantId},
    identity::Place,
    time::UnixMillis,
};

/// The wire form this build writes. Workers give other forms back, for a build beside them may read them; only the keeper
/// makes dead letters of them, which keeps the bytes.
pub const VERSION: u32 = 1;

/// How the events entered, which decides their window and levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// From a monitored service, inside the tenant's window.
    #[default]
    Live,
    /// Imported history, up to 25 months back.
    Backfill,
}

/// A sealed message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Form version, [`VERSION`].
    pub v: u32,
    /// The name it was sealed under.
    #[serde(rename = "messageId")]
    pub id: MessageId,
    /// Whose events.
    pub tenant: TenantId,
    /// Which queue they were meant for. In no key.
    pub pipeline: PipelineName,
    /// When ingest accepted the first of its requests. Workers judge event times by it, not by their own clock.
    pub accepted_at: UnixMillis,
    /// Live or imported.
    #[serde(default)]
    pub scope: Scope,
    /// The client requests whose events it carries.
    pub requests: Vec<RequestRef>,
    /// The events; an event's position is its index here.
    pub events: Vec<MessageEvent>,
}

/// A client request with events in the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRef {
    /// Joins ingest's log, worker's log and dead letters.
    pub request_id: String,
    /// The API key it came with.
    pub key_id: KeyId,
    /// The client's batch, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchRef>,
}

/// The client's name for a batch, and the fingerprint over all of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRef {
    /// `batchId`.
    pub id: Uuid,
    /// Over every event of the batch as the client sent it, also those that went to other messages.
    pub fingerprint: Fingerprint,
}

/// One event in a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageEvent {
    /// Which of [`Message::requests`] it came with.
    #[serde(rename = "r")]
    pub request: u32,
    /// Position in the client's array, rejected events included.
    #[serde(rename = "i")]
    pub index: u32,
    /// Of the client's bytes; given where the client named the event.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The event's JSON.
    #[serde(rename = "e")]
    pub body: Box<RawValue>,
}

/// Bytes that are no message of a known version.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by another build.
    #[error("message has form version {0}, this build reads {VERSION}")]
    Version(u32),
    /// Not a message at all, or one whose parts do not fit together.
    #[error("not a message: {0}")]
    Malformed(String),
}

impl Message {
    /// The wire form.
    ///
    /// # Errors
    /// None in practice: every part serialises; the type says so because the writer could fail.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// When the bytes are of another version or no message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        let message: Self = serde_json::from_slice(bytes).map_err(|error| {
            match serde_json::from_slice::<Versioned>(bytes) {
                Ok(Versioned { v }) if v != VERSION => DecodeError::Version(v),
                _ => DecodeError::Malformed(error.to_string()),
            }
        })?;
        if message.v != VERSION {
            return Err(DecodeError::Version(message.v));
        }
        let stray = message
            .events
            .iter()
            .any(|e| e.request as usize >= message.requests.len());
        if stray {
            return Err(DecodeError::Malformed(
                "an event names a request it lacks".to_owned(),
            ));
        }
        Ok(message)
    }

    /// Where the event at `position` stands, for its identity; `None` past the end.
    #[must_use]
    pub fn place(&self, position: usize) -> Option<Place> {
        let event = self.events.get(position)?;
        let batch = self.requests.get(event.request as usize)?.batch;
        Some(Place {
            batch: batch.map(|b| (b.id, event.index)),
            message: self.id,
            position: position as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(events: Vec<(String, u32, bool)>, scope: Scope) -> Message {
        let batch = BatchRef {
            id: Uuid::from_u128(5),
            fingerprint: Fingerprint([9; 16]),
        };
        let request = |n: u32, batch| RequestRef {
            request_id: format!("r{n}"),
            key_id: KeyId::new("k1").unwrap(),
            batch,
        };
        Message {
            v: VERSION,
            id: MessageId(Uuid::from_u128(77)),
            tenant: TenantId::new("acme").unwrap(),
            pipeline: PipelineName::fallback(),
            accepted_at: UnixMillis(1_800_000_000_000),
            scope,
            requests: vec![request(0, None), request(1, Some(batch))],
            events: events
                .into_iter()
                .map(|(text, index, named)| MessageEvent {
                    request: index % 2,
                    index,
                    fingerprint: named.then(|| Fingerprint::of_event(text.as_bytes())),
                    body: RawValue::from_string(serde_json::to_string(&text).unwrap()).unwrap(),
                })
                .collect(),
        }
    }

    proptest! {
        #[test]
        fn encode_then_decode_is_identity(
            events in prop::collection::vec((".{0,40}", 0u32..1000, any::<bool>()), 0..20),
            backfill in any::<bool>(),
        ) {
            let scope = if backfill { Scope::Backfill } else { Scope::Live };
            let bytes = message(events, scope).encode().unwrap();
            let again = Message::decode(&bytes).unwrap();
            prop_assert_eq!(again.encode().unwrap(), bytes);
        }

        #[test]
        fn decode_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }
    }

    #[test]
    fn bytes_of_events_survive_as_they_are() {
        let mut m = message(vec![], Scope::Live);
        let body = r#"{ "b" : 1.50,	"a":"\u00e9" }"#;
        m.events.push(MessageEvent {
            request: 1,
            index: 4,
            fingerprint: None,
            body: RawValue::from_string(body.to_owned()).unwrap(),
        });
        let again = Message::decode(&m.encode().unwrap()).unwrap();
        assert_eq!(again.events[0].body.get(), body);
        assert_eq!(again.place(0).unwrap().batch, Some((Uuid::from_u128(5), 4)));
        assert!(again.place(1).is_none());
    }

    #[test]
    fn other_versions_and_stray_parts_are_refused() {
        let mut m = message(vec![("x".to_owned(), 0, false)], Scope::Live);
        m.v = 2;
        assert!(matches!(
            Message::decode(&m.encode().unwrap()),
            Err(DecodeError::Version(2))
        ));
        assert!(matches!(
            Message::decode(b"{\"v\":9,\"new\":1}"),
            Err(DecodeError::Version(9))
        ));
        m.v = VERSION;
        m.events[0].request = 7;
        assert!(matches!(
            Message::decode(&m.encode().unwrap()),
            Err(DecodeError::Malformed(_))
        ));
    }
}
