//! Messages for cases, made the way ingest makes them and read the way a worker reads them, so that identity,
//! fingerprints and validation are the real ones.

use sendry_domain::{
    counting::Arrival,
    fingerprint::Fingerprint,
    id::{KeyId, MessageId, PipelineName, TenantId},
    identity,
    message::{BatchRef, Message, MessageEvent, RequestRef, Scope, VERSION},
    time::UnixMillis,
    window::Window,
};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The present: 2027-01-15T08:00:00Z, a Friday.
pub const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// A tenant's name.
pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// An event of a monitored app: `GET /` of `shop` at [`NOW`], 200 in 1.5 ms, unless said otherwise.
#[derive(Clone, Debug)]
pub struct EventBuilder(serde_json::Map<String, serde_json::Value>);

/// See [`EventBuilder`].
pub fn event() -> EventBuilder {
    let fields = serde_json::json!({
        "timestamp": NOW.0, "serviceName": "shop", "endpoint": "/", "method": "GET",
        "statusCode": 200, "latencyMs": 1.5,
    });
    match fields {
        serde_json::Value::Object(fields) => EventBuilder(fields),
        _ => unreachable!("written as an object"),
    }
}

impl EventBuilder {
    /// With a field of the wire's name.
    pub fn with(mut self, field: &str, value: impl Into<serde_json::Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// Named by its client.
    pub fn id(self, id: &str) -> Self {
        self.with("eventId", id)
    }

    /// Of another time.
    pub fn at(self, time: UnixMillis) -> Self {
        self.with("timestamp", time.0)
    }

    /// Of another route.
    pub fn endpoint(self, endpoint: &str) -> Self {
        self.with("endpoint", endpoint)
    }

    /// Of another service.
    pub fn service(self, service: &str) -> Self {
        self.with("serviceName", service)
    }

    /// With another status.
    pub fn status(self, status: u16) -> Self {
        self.with("statusCode", status)
    }

    /// The client's bytes.
    pub fn json(self) -> String {
        serde_json::Value::Object(self.0).to_string()
    }
}

/// A client's request to ingest.
#[derive(Clone, Debug)]
pub struct Request {
    batch: Option<Uuid>,
    /// The client's bytes, which fingerprints are made of.
    sent: Vec<String>,
    /// The bytes that travel: other than the client's where ingest stamped or masked.
    travels: Vec<String>,
}

/// A request without a `batchId`.
pub fn request(events: impl IntoIterator<Item = EventBuilder>) -> Request {
    request_of(events.into_iter().map(EventBuilder::json))
}

/// The same, of events that may be anything.
pub fn request_of(events: impl IntoIterator<Item = String>) -> Request {
    let sent: Vec<_> = events.into_iter().collect();
    Request {
        batch: None,
        travels: sent.clone(),
        sent,
    }
}

impl Request {
    /// With the client's `batchId`.
    pub fn batch(mut self, id: u128) -> Self {
        self.batch = Some(Uuid::from_u128(id));
        self
    }

    /// As ingest passes it on after it changed bytes.
    pub fn travelling_as(mut self, events: impl IntoIterator<Item = EventBuilder>) -> Self {
        self.travels = events.into_iter().map(EventBuilder::json).collect();
        assert_eq!(self.travels.len(), self.sent.len());
        self
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

/// Every event of every request, in order: (request, index).
pub fn all(requests: &[Request]) -> Vec<(usize, usize)> {
    let of = |(number, request): (usize, &Request)| (0..request.len()).map(move |i| (number, i));
    requests.iter().enumerate().flat_map(of).collect()
}

/// Seals messages of one tenant.
#[derive(Clone, Debug)]
pub struct Sealer {
    /// Whose.
    pub tenant: TenantId,
    /// When ingest accepted them.
    pub accepted_at: UnixMillis,
    /// Live or imported.
    pub scope: Scope,
    /// To which pipeline.
    pub pipeline: PipelineName,
}

impl Sealer {
    /// Live messages of [`NOW`].
    pub fn new(tenant: &TenantId) -> Self {
        Self {
            tenant: tenant.clone(),
            accepted_at: NOW,
            scope: Scope::Live,
            pipeline: PipelineName::fallback(),
        }
    }

    /// The id of the tenant's message `number`: in the form of UUIDv7, and no other tenant's.
    pub fn id(&self, number: u32) -> MessageId {
        let mut bytes = Fingerprint::of_event(format!("{} {number}", self.tenant).as_bytes()).0;
        let millis = self.accepted_at.0.to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        MessageId(Uuid::from_bytes(bytes))
    }

    /// Message `number` with the events picked: (request, index).
    pub fn seal(&self, number: u32, requests: &[Request], picks: &[(usize, usize)]) -> Message {
        let reference = |(n, request): (usize, &Request)| RequestRef {
            request_id: format!("req-{number}-{n}"),
            key_id: KeyId::new("key1").unwrap(),
            batch: request.batch.map(|id| BatchRef {
                id,
                fingerprint: Fingerprint::of_batch(request.sent.iter().map(String::as_bytes)),
            }),
        };
        let sealed = |&(request, index): &(usize, usize)| MessageEvent {
            request: request as u32,
            index: index as u32,
            fingerprint: Some(Fingerprint::of_event(
                requests[request].sent[index].as_bytes(),
            )),
            body: RawValue::from_string(requests[request].travels[index].clone()).unwrap(),
        };
        Message {
            v: VERSION,
            id: self.id(number),
            tenant: self.tenant.clone(),
            pipeline: self.pipeline.clone(),
            accepted_at: self.accepted_at,
            scope: self.scope,
            requests: requests.iter().enumerate().map(reference).collect(),
            events: picks.iter().map(sealed).collect(),
        }
    }

    /// Message `number` with one whole request.
    pub fn message(&self, number: u32, request: &Request) -> Message {
        let requests = std::slice::from_ref(request);
        self.seal(number, requests, &all(requests))
    }
}

/// The id that ingest answered with for the event at `position`.
pub fn minted(message: &Message, position: usize) -> String {
    identity::mint(message.place(position).unwrap())
}

/// Messages as a worker reads them.
pub fn arrive(messages: &[Message]) -> Vec<Arrival> {
    let read = |message: &Message| {
        // Through the wire form, as from a queue.
        let message = Message::decode(&message.encode().unwrap()).unwrap();
        Arrival::read(message, Window::default())
    };
    messages.iter().map(read).collect()
}
