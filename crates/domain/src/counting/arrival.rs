//! A message read and validated again, ready to be judged.

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    dead_letter::Refusal,
    event::{self, Event},
    fingerprint::Fingerprint,
    id::{EventId, MessageId, TenantId},
    identity::{self, Identity, MAX_INDEX, Place},
    message::{Message, Scope},
    time::UnixMillis,
    window::Window,
};

/// Key of a source row.
pub type SourceKey = (TenantId, Uuid);
/// Key of an event row: the hash of tenant and event id.
pub type EventKey = [u8; 16];

/// A message as a worker sees it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The message.
    pub id: MessageId,
    /// Whose events.
    pub tenant: TenantId,
    /// Live or imported.
    pub scope: Scope,
    /// When ingest accepted it.
    pub accepted_at: UnixMillis,
    /// The events by position.
    pub events: Vec<ArrivedEvent>,
}

/// One event of an [`Arrival`].
#[derive(Clone, Debug)]
pub struct ArrivedEvent {
    /// What makes it the same event as another.
    pub identity: Identity,
    /// What tells other content under the same identity apart; `None` where the client named nothing.
    pub content: Option<Fingerprint>,
    /// The client's id for it, if readable.
    pub event_id: Option<EventId>,
    /// The request it came with.
    pub request_id: String,
    /// Its bytes.
    pub body: Box<RawValue>,
    /// The event, or why it cannot be counted.
    pub parsed: Result<Event, Refusal>,
}

impl Arrival {
    /// Reads a message: validates every event again, as of the message's acceptance.
    ///
    /// `window` is the tenant's; imported history has its own.
    #[must_use]
    pub fn read(message: Message, window: Window) -> Self {
        let window = match message.scope {
            Scope::Live => window.for_worker(),
            Scope::Backfill => Window::backfill().for_worker(),
        };
        let Message {
            id,
            tenant,
            scope,
            accepted_at,
            requests,
            events,
            ..
        } = message;
        let events = events
            .into_iter()
            .zip(0u32..)
            .map(|(sent, position)| {
                let request = requests.get(sent.request as usize);
                let batch = request.and_then(|r| r.batch);
                let index = sent.index.min(MAX_INDEX);
                let place = Place {
                    batch: batch.map(|b| (b.id, index)),
                    message: id,
                    position,
                };
                let parsed = event::parse(sent.body.get(), window, accepted_at).map(|p| p.event);
                let event_id = match &parsed {
                    Ok(event) => event.event_id.clone(),
                    Err(_) => readable_id(sent.body.get()),
                };
                let identity = Identity::of(event_id.as_ref(), place);
                let content = match (&identity, &event_id) {
                    (Identity::Event(_), _) => sent.fingerprint,
                    // A minted id stands for itself: its bytes differ from the first send's by that very id.
                    (Identity::Indexed { .. }, Some(_)) => None,
                    (Identity::Indexed { .. }, None) => batch.map(|b| b.fingerprint),
                };
                ArrivedEvent {
                    identity,
                    content,
                    event_id,
                    request_id: request.map(|r| r.request_id.clone()).unwrap_or_default(),
                    body: sent.body,
                    parsed: parsed.map_err(Refusal::from),
                }
            })
            .collect();
        Self {
            id,
            tenant,
            scope,
            accepted_at,
            events,
        }
    }

    /// The row key of an event of this tenant that its client named.
    #[must_use]
    pub fn event_key(&self, id: &EventId) -> EventKey {
        identity::event_key(&self.tenant, id)
    }
}

/// The `eventId` of an event that breaks another rule.
fn readable_id(json: &str) -> Option<EventId> {
    use crate::event::fields::{Field, Fields};
    let text = Fields::scan(json).ok()?.get(Field::EventId)?.to_owned();
    EventId::new(&serde_json::from_str::<String>(&text).ok()?).ok()
}
