//! Counting a dead letter after all.
//!
//! Counting is one transaction that also closes the letter, so twice counts once. The raw event follows; until it is
//! there the letter is owed it, and the worker pays what this process could not.

use sendry_domain::{
    dead_letter::{self, DeadLetterId, State},
    event::{self, Event, EventError, Rule},
    redact,
    window::Window,
};
use sendry_runtime::error_chain::chain;
use sendry_store::{RawEvent, ReplayError, Replayed, StoreError};

use crate::{app::App, error::ApiError, tenants::Tenant};

/// Counts the letter's event, or `corrected` in its place.
pub(crate) async fn replay(
    app: &App,
    tenant: &Tenant,
    id: DeadLetterId,
    corrected: Option<&str>,
) -> Result<dead_letter::DeadLetter, ApiError> {
    let found = app.metrics.dead_letter(&tenant.id, id).await?;
    let letter = found.ok_or(ReplayError::NotFound)?;
    // The store decides, but what it would refuse needs no valid event, and its answer says more.
    if letter.state != State::Open {
        return Err(ReplayError::NotOpen(letter.state).into());
    }
    if !letter.replayable {
        return Err(ReplayError::NotReplayable(letter.reason).into());
    }
    let (event, body) = read(&letter, corrected)?;
    let replayed = app
        .metrics
        .replay(&tenant.id, id, &event, &body, app.now())
        .await?;
    if let Err(error) = settle(app, &replayed, &event, body).await {
        tracing::warn!(error = %chain(&error), tenant.id = %tenant.id, dead_letter.id = %id,
            "replayed and counted, but its raw event is still owed");
    }
    Ok(replayed.letter)
}

/// The event and the bytes to keep. The window is as wide as history's: the letter may have waited for months.
fn read(
    letter: &dead_letter::DeadLetter,
    corrected: Option<&str>,
) -> Result<(Event, String), EventError> {
    let json = corrected.unwrap_or(&letter.body);
    let window = Window::backfill().for_worker();
    let parsed = event::parse(json, window, letter.accepted_at)?;
    // As ingest does: kept bytes have a time and no secrets.
    let stamp = parsed.needs_stamp.then_some(letter.accepted_at);
    let kept = redact::rewrite(json, stamp, parsed.names_timestamp, parsed.needs_redaction);
    let kept = kept.map_err(|_| {
        let message = "a number in the event cannot be written again exactly";
        EventError::new(Rule::InvalidJson, "", message)
    })?;
    Ok((parsed.event, kept.unwrap_or_else(|| json.to_owned())))
}

async fn settle(
    app: &App,
    replayed: &Replayed,
    event: &Event,
    body: String,
) -> Result<(), StoreError> {
    let Replayed { letter, endpoint } = replayed;
    let raw = RawEvent {
        id: letter.id,
        tenant: letter.tenant.clone(),
        timestamp: event.timestamp,
        service: event.service.to_string(),
        endpoint: endpoint.to_string(),
        method: event.method.to_string(),
        status: event.status,
        latency_us: event.latency_us,
        request_id: letter.request_id.clone().unwrap_or_default(),
        body,
    };
    let refused = app.raw.insert(&[raw]).await?;
    if !refused.is_empty() {
        app.metrics
            .raw_refused(&letter.tenant, &[letter.id])
            .await?;
    }
    app.metrics.raw_settled(&letter.tenant, letter.id).await
}
