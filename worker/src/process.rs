//! A batch of deliveries becomes counts and raw events; what may be acked then is returned.

use sendry_domain::{
    counting::Arrival,
    dead_letter::{DeadLetter, DeadLetterId},
    rollup::HOUR_RETENTION,
    time::{DAY, UnixMillis},
};
use sendry_queue::{Delivery, DeliveryTag};
use sendry_store::{Counted, RawEvent, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    Role,
    decode::{Decoded, decode},
    poison,
    stores::{Leaving, Stores},
};

/// How long raw events are kept at most; older ones would be dropped at once.
const RAW_RETENTION: i64 = 30 * DAY;
/// Crashes of a keeper on one message after which the message is the cause.
const KEEPER_CRASHES: u32 = 10;

/// What to do with the deliveries of a batch.
#[derive(Debug, Default)]
pub struct Settled {
    /// Done: ack.
    pub done: Vec<DeliveryTag>,
    /// Not for this build, or refused as a whole: give back, and blame the message.
    pub give_back: Vec<DeliveryTag>,
}

/// Processes a batch.
///
/// # Errors
/// When the process leaves before it is finished; nothing of it may be acked then.
pub async fn process(
    stores: &Stores,
    role: Role,
    deliveries: Vec<Delivery>,
    stop: &CancellationToken,
) -> Result<Settled, Leaving> {
    let mut settled = Settled::default();
    let (mut arrivals, mut letters) = (Vec::new(), Vec::new());
    for delivery in deliveries {
        stores.metrics.messages.inc();
        stores
            .metrics
            .redelivered
            .inc_by(u64::from(delivery.delivered_before > 0));
        let at = stores.now();
        let decoded = if role == Role::Keeper && delivery.delivered_before >= KEEPER_CRASHES {
            Decoded::Junk(crashing(&delivery, at))
        } else {
            decode(&delivery, at)
        };
        match decoded {
            Decoded::Message(arrival) => arrivals.push((delivery.tag, arrival)),
            Decoded::Junk(letter) => letters.push((delivery.tag, letter)),
            // Nobody stands behind the keeper who could read it.
            Decoded::Foreign(version) if role == Role::Keeper => {
                letters.push((delivery.tag, foreign(&delivery, version, at)));
            }
            Decoded::Foreign(version) => {
                tracing::warn!(message.id = %delivery.message.id, version, "message of another form version, giving it back");
                settled.give_back.push(delivery.tag);
            }
        }
    }
    settled.done.extend(bury(stores, letters, stop).await?);
    // When half-open, one message tries for all.
    while !arrivals.is_empty() {
        let take = if stores.is_probing() {
            1
        } else {
            arrivals.len()
        };
        let (tags, group): (Vec<_>, Vec<_>) = arrivals.drain(..take).unzip();
        match count_and_keep(stores, group, stop).await? {
            Ok(()) => settled.done.extend(tags),
            Err(error) => {
                tracing::error!(error = %sendry_runtime::error_chain::chain(&error), messages = tags.len(), "the metric store refuses a message as a whole");
                settled.give_back.extend(tags);
            }
        }
    }
    Ok(settled)
}

async fn bury(
    stores: &Stores,
    letters: Vec<(DeliveryTag, DeadLetter)>,
    stop: &CancellationToken,
) -> Result<Vec<DeliveryTag>, Leaving> {
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let (tags, letters): (Vec<_>, Vec<_>) = letters.into_iter().unzip();
    for letter in &letters {
        tracing::error!(tenant.id = %letter.tenant, dead_letter.id = %letter.id, reason = letter.reason, events = letter.events, "message became a dead letter");
    }
    match stores
        .counts_guard
        .call(stop, || stores.counts.bury(&letters))
        .await?
    {
        Ok(()) => Ok(tags),
        Err(error) => {
            // Not acked: it stays in the queue for a person to see.
            tracing::error!(error = %sendry_runtime::error_chain::chain(&error), "dead letters cannot be stored");
            Ok(Vec::new())
        }
    }
}

async fn count_and_keep(
    stores: &Stores,
    arrivals: Vec<Arrival>,
    stop: &CancellationToken,
) -> Result<Result<(), StoreError>, Leaving> {
    let counted = match poison::count(stores, arrivals, stop).await? {
        Ok(counted) => counted,
        Err(error) => return Ok(Err(error)),
    };
    let now = stores.now();
    for (arrival, _) in &counted {
        let dwell = now.since(arrival.accepted_at).clamp(0, HOUR_RETENTION);
        stores.metrics.dwell.observe(dwell as f64 / 1_000.0);
        log_letters(arrival);
    }
    keep_raw(stores, &counted, now, stop).await
}

/// One line for each event that became a dead letter, with what finds it at ingest.
fn log_letters(arrival: &Arrival) {
    for (event, position) in arrival.events.iter().zip(0u32..) {
        if let Err(refusal) = &event.parsed {
            let id = DeadLetterId {
                message: arrival.id,
                position,
            };
            tracing::warn!(tenant.id = %arrival.tenant, dead_letter.id = %id, request.id = %event.request_id, reason = refusal.reason.code(), "event became a dead letter");
        }
    }
}

/// Stores the raw events that the batch won.
async fn keep_raw(
    stores: &Stores,
    counted: &[(Arrival, Counted)],
    now: UnixMillis,
    stop: &CancellationToken,
) -> Result<Result<(), StoreError>, Leaving> {
    let events: Vec<RawEvent> = counted
        .iter()
        .flat_map(|(arrival, counted)| raw_events(arrival, counted, now))
        .collect();
    if events.is_empty() {
        return Ok(Ok(()));
    }
    let started = tokio::time::Instant::now();
    let refused = match stores
        .raw_guard
        .call(stop, || stores.raw.insert(&events))
        .await?
    {
        Ok(refused) => refused,
        Err(error) => return Ok(Err(error)),
    };
    stores
        .metrics
        .raw_write
        .observe(started.elapsed().as_secs_f64());
    stores
        .metrics
        .raw_events
        .inc_by((events.len() - refused.len()) as u64);
    for index in refused {
        let Some(event) = events.get(index) else {
            continue;
        };
        stores.metrics.raw_refused.inc();
        tracing::error!(tenant.id = %event.tenant, event.id = %event.id, request.id = %event.request_id, "the raw store refuses a document");
        let (tenant, ids) = (&event.tenant, [event.id]);
        let tallied = stores
            .counts_guard
            .call(stop, || stores.counts.raw_refused(tenant, &ids))
            .await?;
        if let Err(error) = tallied {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

fn raw_events<'a>(
    arrival: &'a Arrival,
    counted: &'a Counted,
    now: UnixMillis,
) -> impl Iterator<Item = RawEvent> + 'a {
    counted.won.positions.iter().filter_map(move |position| {
        let arrived = arrival.events.get(position as usize)?;
        let event = arrived.parsed.as_ref().ok()?;
        if event.timestamp < now.plus(-RAW_RETENTION) {
            return None;
        }
        let folded = counted
            .folded
            .iter()
            .find(|(p, _)| *p == position)
            .map(|(_, e)| e);
        Some(RawEvent {
            id: DeadLetterId {
                message: arrival.id,
                position,
            },
            tenant: arrival.tenant.clone(),
            timestamp: event.timestamp,
            service: event.service.to_string(),
            endpoint: folded.unwrap_or(&event.endpoint).to_string(),
            method: event.method.to_string(),
            status: event.status,
            latency_us: event.latency_us,
            request_id: arrived.request_id.clone(),
            body: arrived.body.get().to_owned(),
        })
    })
}

fn crashing(delivery: &Delivery, at: UnixMillis) -> DeadLetter {
    whole(
        delivery,
        &format!(
            "{} keepers stopped while processing it",
            delivery.delivered_before
        ),
        at,
    )
}

fn foreign(delivery: &Delivery, version: u32, at: UnixMillis) -> DeadLetter {
    whole(
        delivery,
        &format!("message has form version {version}, which no running build reads"),
        at,
    )
}

fn whole(delivery: &Delivery, why: &str, at: UnixMillis) -> DeadLetter {
    let m = &delivery.message;
    sendry_domain::counting::undecodable(m.queue.tenant().clone(), m.id, m.events, &m.body, why, at)
}
