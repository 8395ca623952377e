//! The loop of one consumer: wait for the stores, take a batch, process it, ack.

use std::{sync::Arc, time::Duration};

use sendry_domain::{routing::QueueName, time::UnixMillis};
use sendry_queue::{Consumer, Delivery, EventQueue, QueueError};
use sendry_runtime::{backoff::Backoff, error_chain::chain, health::Component};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Role,
    doings::Doing,
    process::{Settled, process},
    stores::{Leaving, Stores, pause},
};

/// How long to wait for a message before looking around.
const WAIT: Duration = Duration::from_millis(500);
/// Pauses between tries to consume.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// The shortest time from one batch to the next while batches are small. Each batch costs four syncs of the disk that
/// ingest's confirms wait for, too; an event that comes after a pause is still taken at once.
const PACE: Duration = Duration::from_millis(50);
/// A message delivered this often before comes alone, by the queue's contract.
const SUSPECT_AT: u32 = 2;
/// Pause after giving something back, so that a message nobody here can read does not spin.
const AFTER_GIVING_BACK: Duration = Duration::from_secs(1);

/// One consumer and what it needs.
pub struct Consuming {
    /// Worker or keeper.
    pub role: Role,
    /// Which queue.
    pub name: QueueName,
    /// Where it is.
    pub queue: Arc<dyn EventQueue>,
    /// Where counts and raw events go.
    pub stores: Arc<Stores>,
    /// Events in one transaction, about.
    pub batch_events: u32,
    /// Its voice in `/readyz`.
    pub component: Component,
    /// Which of the queue's consumers in this process.
    pub number: usize,
    /// What is told of the queue.
    pub doing: Arc<Doing>,
}

impl Consuming {
    /// Consumes until told to stop; then finishes and acks what it holds, and leaves nothing to be redelivered.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut attempt = 0;
        while !stop.is_cancelled() {
            let session = match self.queue.consume(&self.name).await {
                Ok(consumer) => {
                    attempt = 0;
                    self.session(consumer, stop).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = session {
                let reason = chain(&error).to_string();
                tracing::warn!(error = %reason, queue.name = %self.name, "consumer lost, will start again");
                self.component.not_ready(reason);
                if pause(BACKOFF.delay(attempt, rand::random()), stop)
                    .await
                    .is_err()
                {
                    return;
                }
                attempt = attempt.saturating_add(1);
            }
        }
    }

    /// Uses one consumer until it fails or the process leaves. Leaving, it asks for nothing more and finishes what is on
    /// its way, so that nothing has to be delivered again.
    async fn session(
        &self,
        mut consumer: Box<dyn Consumer>,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let batch_events = if self.role == Role::Keeper {
            1
        } else {
            self.batch_events
        };
        let mut leaving = false;
        loop {
            if stop.is_cancelled() && !leaving {
                leaving = true;
                consumer.stop().await?;
            }
            if self.stores.passable(&self.component, stop).await.is_err() {
                return Ok(());
            }
            let take = if self.stores.is_probing() {
                1
            } else {
                batch_events
            };
            let deliveries = tokio::select! {
                taken = consumer.next(take, WAIT) => taken?,
                () = stop.cancelled(), if !leaving => continue,
            };
            if deliveries.is_empty() {
                if leaving {
                    return Ok(());
                }
                continue;
            }
            let held = Held::take(self, &deliveries);
            match self.settle(consumer.as_mut(), deliveries, stop).await? {
                Ok(()) => {}
                // The stores were away; what is held comes again elsewhere.
                Err(Leaving) => return Ok(()),
            }
            let (began, small) = held.settled(batch_events);
            if small {
                // Cut short by a stop, which is looked at next.
                let _ = pause(PACE.saturating_sub(began.elapsed()), stop).await;
            }
        }
    }

    /// Processes a batch, and acks or gives back what it was.
    async fn settle(
        &self,
        consumer: &mut dyn Consumer,
        deliveries: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> Result<Result<(), Leaving>, QueueError> {
        let tags: Vec<_> = deliveries.iter().map(|d| d.tag).collect();
        let outcome = tokio::select! {
            outcome = self.process_apart(deliveries, stop) => outcome?,
            never = self.stores.tell(&self.component) => match never {},
        };
        let settled = match outcome {
            Ok(settled) => settled,
            Err(Leaving) => {
                // These messages are not to blame.
                consumer.put_back(&tags, false).await?;
                return Ok(Err(Leaving));
            }
        };
        if !settled.done.is_empty() {
            consumer.ack(&settled.done).await?;
        }
        if !settled.give_back.is_empty() {
            consumer.put_back(&settled.give_back, true).await?;
            let _ = pause(AFTER_GIVING_BACK, stop).await;
        }
        Ok(Ok(()))
    }

    /// Processes in a task of its own, so that a panic over one message costs its consumer and not the process: the
    /// message comes again, blamed, and after enough times alone and at last to the keeper.
    async fn process_apart(
        &self,
        deliveries: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> Result<Result<Settled, Leaving>, QueueError> {
        let (stores, role, stop) = (self.stores.clone(), self.role, stop.clone());
        let processing =
            tokio::spawn(async move { process(&stores, role, deliveries, &stop).await });
        processing.await.map_err(|panicked| QueueError {
            doing: "process messages of",
            queue: self.name.to_string(),
            source: Box::new(panicked),
        })
    }
}

/// Messages in this consumer's hands, told as held until they are settled or it is over with them.
struct Held<'a> {
    doing: &'a Doing,
    accepted: Vec<UnixMillis>,
    events: u64,
    suspect: bool,
    began: Instant,
}

impl<'a> Held<'a> {
    fn take(consuming: &'a Consuming, deliveries: &[Delivery]) -> Self {
        consuming.doing.taken(consuming.number, deliveries);
        Self {
            doing: &consuming.doing,
            accepted: deliveries.iter().map(|d| d.message.accepted_at).collect(),
            events: deliveries.iter().map(|d| u64::from(d.message.events)).sum(),
            suspect: deliveries.iter().any(|d| d.delivered_before >= SUSPECT_AT),
            began: Instant::now(),
        }
    }

    /// They are acked or given back. Since when they were held, and whether they were a small batch: a suspect came
    /// alone, whatever else waits.
    fn settled(mut self, batch_events: u32) -> (Instant, bool) {
        let accepted = std::mem::take(&mut self.accepted);
        self.doing
            .settled(&accepted, self.events, self.began.elapsed());
        let small = self.events < u64::from(batch_events) / 2 && !self.suspect;
        (self.began, small)
    }
}

impl Drop for Held<'_> {
    /// The consumer is lost: the broker has them again.
    fn drop(&mut self) {
        if !self.accepted.is_empty() {
            self.doing.settled(&self.accepted, 0, self.began.elapsed());
        }
    }
}
