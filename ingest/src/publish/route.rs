//! One route's task: seals what waits into messages and hands them to the queue, a few at a time.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use sendry_domain::{
    id::MessageId,
    message::{Message, Scope, VERSION},
    routing::QueueName,
};
use sendry_queue::{EventQueue, PublishError, Sealed};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{
    CONFIRM_TIMEOUT, Consignment, NotSent, ROOM_TIMEOUT, Sent,
    gate::{Gate, Seen},
};
use crate::metrics::IngestMetrics;

/// Confirms outstanding before what comes is grouped.
const IN_FLIGHT: usize = 4;
/// Events after which a message is sealed, unless one request alone has more.
const MESSAGE_EVENTS: usize = 1_000;
/// Bytes of events after which a message is sealed, unless one request alone has more.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// A consignment, and where its sender waits.
pub(super) struct Submission {
    pub(super) consignment: Consignment,
    pub(super) reply: oneshot::Sender<Result<Sent, NotSent>>,
    /// When it was handed in: every wait ends in time for its answer.
    pub(super) since: Instant,
}

/// A tenant's pipeline as ingest sees it.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) queue_name: QueueName,
    pub(super) scope: Scope,
    pub(super) queue: Arc<dyn EventQueue>,
    pub(super) gate: Arc<Gate>,
    pub(super) metrics: IngestMetrics,
}

impl Route {
    /// Runs until its publisher is gone, then finishes what is in flight.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Submission>) {
        let mut in_flight = JoinSet::new();
        let mut left_over = None;
        loop {
            let first = match left_over.take() {
                Some(submission) => submission,
                None => match waiting.recv().await {
                    Some(submission) => submission,
                    None => break,
                },
            };
            while in_flight.try_join_next().is_some() {}
            if in_flight.len() >= IN_FLIGHT
                && timeout_at(first.since + ROOM_TIMEOUT, in_flight.join_next())
                    .await
                    .is_err()
            {
                let _ = first.reply.send(Err(NotSent::Unavailable(1_000)));
                continue;
            }
            let (group, next) = gather(first, &mut waiting);
            left_over = next;
            in_flight.spawn(self.clone().publish(group));
        }
        while in_flight.join_next().await.is_some() {}
    }

    async fn publish(self, group: Vec<Submission>) {
        let permit = match self.gate.try_pass() {
            Ok(permit) => permit,
            Err(refused) => {
                for Submission { reply, .. } in group {
                    let _ = reply.send(Err(refused.clone()));
                }
                return;
            }
        };
        let handed_in = group.first().map_or_else(Instant::now, |first| first.since);
        let (sealed, places, replies) = match self.seal(group) {
            Ok(parts) => parts,
            Err(error) => {
                // A message that cannot be written is a bug; its senders are told that nothing was stored.
                tracing::error!(%error, queue.name = %self.queue_name, "failed to seal a message");
                self.gate.saw(permit, Seen::Answer);
                return;
            }
        };
        let (message, events) = (sealed.id, sealed.events);
        let started = Instant::now();
        // Dropped at the time-out, the publish may still be stored: the port says so, and the client is told. So it is
        // after a panic, which must not look like a refusal.
        let publishing = AssertUnwindSafe(self.queue.publish(sealed)).catch_unwind();
        let outcome = match timeout_at(handed_in + CONFIRM_TIMEOUT, publishing).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(PublishError::Unknown(
                "the queue's adapter panicked".to_owned(),
            )),
            Err(_) => Err(PublishError::Unknown(
                "no confirm within 4 seconds".to_owned(),
            )),
        };
        self.metrics
            .confirm
            .observe(started.elapsed().as_secs_f64());
        self.metrics.message_events.observe(f64::from(events));
        if let Err(error) = &outcome {
            tracing::warn!(%error, message.id = %message, queue.name = %self.queue_name, events, "message not confirmed");
        } else {
            tracing::debug!(message.id = %message, queue.name = %self.queue_name, events, "message confirmed");
        }
        let seen = match &outcome {
            Ok(()) => Seen::Answer,
            Err(PublishError::Full(queue)) => Seen::Full(queue.clone()),
            Err(PublishError::Unavailable(_) | PublishError::Unknown(_)) => Seen::Failure,
        };
        self.gate.saw(permit, seen);
        for (place, reply) in places.into_iter().zip(replies) {
            // A sender that went away meanwhile has nothing to be told.
            let _ = reply.send(match &outcome {
                Ok(()) => Ok(place),
                Err(PublishError::Unavailable(_)) => {
                    Err(NotSent::Unavailable(self.gate.retry_after().max(1_000)))
                }
                Err(PublishError::Full(_)) => Err(NotSent::Full),
                Err(PublishError::Unknown(_)) => Err(NotSent::Unknown(place)),
            });
        }
    }

    #[expect(
        clippy::type_complexity,
        reason = "three lists that belong together, used once"
    )]
    fn seal(
        &self,
        group: Vec<Submission>,
    ) -> Result<
        (
            Sealed,
            Vec<Sent>,
            Vec<oneshot::Sender<Result<Sent, NotSent>>>,
        ),
        serde_json::Error,
    > {
        let id = MessageId(Uuid::now_v7());
        let (mut requests, mut events) = (Vec::with_capacity(group.len()), Vec::new());
        let (mut places, mut replies) = (Vec::new(), Vec::new());
        let mut accepted_at = None;
        let mut address = None;
        for (submission, number) in group.into_iter().zip(0u32..) {
            let Submission {
                consignment, reply, ..
            } = submission;
            let Consignment {
                tenant,
                pipeline,
                accepted_at: at,
                request,
                events: mut own,
                ..
            } = consignment;
            accepted_at = Some(accepted_at.map_or(at, |earlier| at.min(earlier)));
            address = Some((tenant, pipeline));
            places.push(Sent {
                message: id,
                first: events.len() as u32,
            });
            replies.push(reply);
            requests.push(request);
            own.iter_mut().for_each(|event| event.request = number);
            events.append(&mut own);
        }
        let (Some((tenant, pipeline)), Some(accepted_at)) = (address, accepted_at) else {
            return Err(serde::ser::Error::custom(
                "a message needs at least one request",
            ));
        };
        let count = events.len() as u32;
        let message = Message {
            v: VERSION,
            id,
            tenant,
            pipeline,
            accepted_at,
            scope: self.scope,
            requests,
            events,
        };
        let body = message.encode()?;
        let sealed = Sealed {
            queue: self.queue_name.clone(),
            id,
            events: count,
            accepted_at,
            body,
        };
        Ok((sealed, places, replies))
    }
}

/// Takes what waits, up to the size of a message; returns what did not fit any more.
fn gather(
    first: Submission,
    waiting: &mut mpsc::Receiver<Submission>,
) -> (Vec<Submission>, Option<Submission>) {
    let size = |s: &Submission| -> (usize, usize) {
        let events = &s.consignment.events;
        (
            events.len(),
            events.iter().map(|e| e.body.get().len()).sum(),
        )
    };
    let (mut events, mut bytes) = size(&first);
    let mut group = vec![first];
    while let Ok(next) = waiting.try_recv() {
        let (more_events, more_bytes) = size(&next);
        if events + more_events > MESSAGE_EVENTS || bytes + more_bytes > MESSAGE_BYTES {
            return (group, Some(next));
        }
        (events, bytes) = (events + more_events, bytes + more_bytes);
        group.push(next);
    }
    (group, None)
}
