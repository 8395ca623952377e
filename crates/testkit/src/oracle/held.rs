//! What stores hold of an event, by the name that its client gave it.

use sendry_domain::{
    dead_letter::DeadLetter, event, id::TenantId, time::UnixMillis, window::Window,
};
use sendry_store::{RawEventStore, RawQuery};
use serde_json::Value;

/// A raw event.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) variant: u32,
    pub(super) event: event::Event,
}

pub(super) async fn read(
    store: &dyn RawEventStore,
    tenant: &TenantId,
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<Vec<Held>> {
    let mut held = Vec::new();
    let mut start = from;
    // By minutes, so that no list is long.
    while start < to {
        let end = start.plus(60_000).min(to);
        let query = RawQuery {
            from: start,
            to: end,
            limit: u32::MAX,
        };
        for raw in store.list(tenant, &query).await? {
            let body: Value = serde_json::from_str(&raw.body)?;
            held.push(Held {
                name: body["requestId"].as_str().unwrap_or(&raw.body).to_owned(),
                variant: variant(&body),
                event: parse(&raw.body, to)?,
            });
        }
        start = end;
    }
    Ok(held)
}

/// An event as the worker read it.
pub(super) fn parse(body: &str, now: UnixMillis) -> anyhow::Result<event::Event> {
    event::parse(body, Window::backfill(), now)
        .map(|parsed| parsed.event)
        .map_err(|error| anyhow::anyhow!("an event that was counted is invalid: {error}"))
}

/// The name of a dead letter's event; where its content cannot be read, that of its message.
pub(super) fn name_of(letter: &DeadLetter) -> String {
    let body: Value = serde_json::from_str(&letter.body).unwrap_or_default();
    match body["requestId"].as_str() {
        Some(name) => name.to_owned(),
        None => letter.id.message.to_string(),
    }
}

/// The content of a dead letter's event.
pub(super) fn variant_of(letter: &DeadLetter) -> u32 {
    variant(&serde_json::from_str(&letter.body).unwrap_or_default())
}

fn variant(body: &Value) -> u32 {
    let number = body["version"].as_str().and_then(|text| text.parse().ok());
    number.unwrap_or_default()
}
