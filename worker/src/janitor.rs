//! What has to be done now and then: derived levels, retention, raw events that replayed letters are owed.
//!
//! Everything here is idempotent, so a crash in the middle costs nothing and two janitors only repeat each other.

use std::{collections::HashMap, time::Duration};

use sendry_domain::{
    beat::{Head, Liveness},
    event,
    id::PipelineName,
    ledger::OldestHead,
    routing::QueueName,
    time::UnixMillis,
    window::Window,
};
use sendry_runtime::{error_chain::chain, health::Component};
use sendry_store::{ControlSnapshot, RawEvent, Replayed, StoreError, TenantRecord};
use tokio_util::sync::CancellationToken;

use crate::{Parts, stores::pause};

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(10);
/// Rounds between two purges: ten minutes.
const PURGE_ROUNDS: u64 = 60;
/// Owed raw events in one round.
const OWED: u32 = 200;

/// Why a queue's oldest message is not known.
#[derive(Debug, thiserror::Error)]
enum HeadError {
    #[error(transparent)]
    Queue(#[from] sendry_queue::QueueError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How old the oldest message of each queue is, followed from round to round.
#[derive(Debug, Default)]
pub struct Heads {
    liveness: Liveness,
    by_queue: HashMap<QueueName, Head>,
}

impl Heads {
    /// Asks the queue, and afterwards the processes that drain it.
    async fn ask(&mut self, parts: &Parts, queue: &QueueName) -> Result<OldestHead, HeadError> {
        let asked_at = UnixMillis(parts.clock.now_ms());
        let depth = parts.queue.depth(queue).await?;
        if depth.oldest != OldestHead::Unknown {
            return Ok(depth.oldest);
        }
        let beats = parts.control.beats().await?;
        let beats = self.liveness.alive(beats, parts.clock.monotonic_ms());
        let drainers: Vec<_> = beats
            .iter()
            .flat_map(|beat| beat.queues.iter().map(move |of| (beat, of)))
            .filter(|(_, of)| of.queue() == *queue)
            .collect();
        let head = self.by_queue.entry(queue.clone()).or_default();
        Ok(head.look(asked_at, depth, &drainers).oldest)
    }
}

/// Runs until told to stop.
pub async fn run(parts: Parts, component: Component, stop: CancellationToken) {
    let (mut round, mut heads) = (0u64, Heads::default());
    loop {
        match tidy(&parts, &mut heads, round.is_multiple_of(PURGE_ROUNDS)).await {
            Ok(()) => component.ready(),
            Err(error) => {
                let reason = chain(&error).to_string();
                tracing::warn!(error = %reason, "housekeeping failed, will try again");
                component.not_ready(reason);
            }
        }
        round += 1;
        if pause(EVERY, &stop).await.is_err() {
            return;
        }
    }
}

/// One round. Public for the command that does it by hand and for tests.
///
/// # Errors
/// When a store is away; what was done stays done.
pub async fn tidy(parts: &Parts, heads: &mut Heads, purge: bool) -> Result<(), StoreError> {
    settle_owed(parts).await?;
    let buckets = parts.counts.derive_levels().await?;
    if buckets > 0 {
        tracing::debug!(buckets, "days and months derived");
    }
    if purge {
        let control = parts.control.snapshot().await?;
        for tenant in &control.tenants {
            purge_tenant(parts, heads, &control, tenant).await?;
        }
    }
    Ok(())
}

async fn purge_tenant(
    parts: &Parts,
    heads: &mut Heads,
    control: &ControlSnapshot,
    tenant: &TenantRecord,
) -> Result<(), StoreError> {
    let now = UnixMillis(parts.clock.now_ms());
    let head = oldest_head(parts, heads, control, tenant).await;
    let rows = parts
        .counts
        .purge(&tenant.id, now, tenant.window, head)
        .await?;
    let raw = parts
        .raw
        .purge(&tenant.id, now.plus(-tenant.raw_retention))
        .await?;
    if rows + raw > 0 {
        tracing::info!(tenant.id = %tenant.id, rows, raw, "past retention, dropped");
    }
    Ok(())
}

/// The oldest message of all queues of the tenant, as told by the queues and by the workers that drain them.
async fn oldest_head(
    parts: &Parts,
    heads: &mut Heads,
    control: &ControlSnapshot,
    tenant: &TenantRecord,
) -> OldestHead {
    let pipelines = control
        .pipelines
        .iter()
        .filter(|p| p.tenant == tenant.id)
        .map(|p| p.name.clone());
    let queues = pipelines
        .chain([PipelineName::fallback()])
        .map(|name| QueueName::Pipeline(tenant.id.clone(), name))
        .chain([QueueName::Parked(tenant.id.clone())]);
    let mut oldest = OldestHead::Empty;
    for queue in queues {
        match heads.ask(parts, &queue).await {
            Ok(head) => oldest = oldest.older(head),
            Err(error) => {
                tracing::warn!(error = %chain(&error), queue.name = %queue, "depth unknown, the ledger's floor stays");
                return OldestHead::Unknown;
            }
        }
    }
    oldest
}

async fn settle_owed(parts: &Parts) -> Result<(), StoreError> {
    for replayed in parts.counts.raw_owed(OWED).await? {
        let (tenant, id) = (replayed.letter.tenant.clone(), replayed.letter.id);
        if let Some(raw) = raw_of(&replayed) {
            let refused = parts.raw.insert(&[raw]).await?;
            if !refused.is_empty() {
                parts.counts.raw_refused(&tenant, &[id]).await?;
            }
        }
        parts.counts.raw_settled(&tenant, id).await?;
    }
    Ok(())
}

/// The raw event of a replayed letter; `None` if its bytes cannot be read again, which the replay excluded.
#[must_use]
pub fn raw_of(replayed: &Replayed) -> Option<RawEvent> {
    let letter = &replayed.letter;
    // As wide as the replay's own window, or an event it counted would have no raw event.
    let window = Window::backfill().for_worker();
    let parsed = event::parse(&letter.body, window, letter.accepted_at)
        .ok()?
        .event;
    Some(RawEvent {
        id: letter.id,
        tenant: letter.tenant.clone(),
        timestamp: parsed.timestamp,
        service: parsed.service.to_string(),
        endpoint: replayed.endpoint.to_string(),
        method: parsed.method.to_string(),
        status: parsed.status,
        latency_us: parsed.latency_us,
        request_id: letter.request_id.clone().unwrap_or_default(),
        body: letter.body.clone(),
    })
}
