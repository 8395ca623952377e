//! One reader of one queue.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use sendry_domain::routing::{DELIVERY_LIMIT, QueueName};
use tokio::sync::oneshot;

use super::{
    Core,
    error::{Fault, queue_error},
    inbox::{Change, Job, Settle},
    rows::Row,
    state::{Plan, Queue},
};
use crate::{Consumer, Delivery, DeliveryTag, QueueError, Sealed};

pub(super) struct SqliteConsumer {
    pub core: Arc<Core>,
    pub queue: Arc<Queue>,
    pub name: QueueName,
    /// Tells consumers apart in the queue's books.
    pub id: u64,
    /// Takes nothing more.
    pub stopped: bool,
}

#[async_trait]
impl Consumer for SqliteConsumer {
    async fn next(&mut self, max_events: u32, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        // Nothing is ever on its way: a message is taken when it is asked for.
        if self.stopped {
            return Ok(Vec::new());
        }
        let started = Instant::now();
        let queue = Arc::clone(&self.queue);
        loop {
            // Listens before it looks, so that nothing arrives unheard in between.
            let mut arrived = std::pin::pin!(queue.arrived.notified());
            arrived.as_mut().enable();
            let found = self.take(max_events).await?;
            if let Some(hopeless) = self.hopeless(&found) {
                self.park(hopeless).await?;
                continue;
            }
            let left = wait.saturating_sub(started.elapsed());
            if !found.is_empty() || tokio::time::timeout(left, arrived).await.is_err() {
                return Ok(found);
            }
        }
    }

    async fn ack(&mut self, tags: &[DeliveryTag]) -> Result<(), QueueError> {
        let seqs = self
            .queue
            .lock()
            .begin_ack(tags.iter().map(|tag| tag.0 as i64), self.id);
        if seqs.is_empty() {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        self.core
            .settle(&self.queue, Change::Remove(seqs), Some(reply));
        self.written("ack to", answer).await
    }

    async fn stop(&mut self) -> Result<(), QueueError> {
        self.stopped = true;
        Ok(())
    }

    async fn put_back(&mut self, tags: &[DeliveryTag], blame: bool) -> Result<(), QueueError> {
        let seqs: Vec<i64> = tags.iter().map(|tag| tag.0 as i64).collect();
        let answer = {
            let mut inner = self.queue.lock();
            let counts = inner.put_back(&seqs, self.id, blame);
            // With blame the count in the file, written before the delivery, is right already.
            if blame || counts.is_empty() {
                None
            } else {
                let (reply, answer) = oneshot::channel();
                // Under the lock, so that counts reach the writer in the order they were made.
                self.core
                    .settle(&self.queue, Change::Count(counts), Some(reply));
                Some(answer)
            }
        };
        self.queue.arrived.notify_waiters();
        match answer {
            Some(answer) => self.written("put back to", answer).await,
            None => Ok(()),
        }
    }
}

impl SqliteConsumer {
    /// A message that has used up its deliveries; it comes alone. What is parked stays parked.
    fn hopeless(&self, found: &[Delivery]) -> Option<Delivery> {
        match (found, &self.name) {
            ([one], QueueName::Pipeline(..)) if one.delivered_before >= DELIVERY_LIMIT => {
                Some(one.clone())
            }
            _ => None,
        }
    }

    /// Moves a message to the tenant's parked queue.
    async fn park(&mut self, delivery: Delivery) -> Result<(), QueueError> {
        let queue = QueueName::Parked(self.name.tenant().clone());
        tracing::warn!(message.id = %delivery.message.id, queue.name = %self.name, deliveries = delivery.delivered_before, "message parked");
        let parked = Sealed {
            queue,
            ..delivery.message
        };
        self.core
            .publish(parked)
            .await
            .map_err(|error| queue_error("park a message of", &self.name, error))?;
        self.ack(&[delivery.tag]).await
    }

    /// Takes what is there now.
    async fn take(&mut self, max_events: u32) -> Result<Vec<Delivery>, QueueError> {
        if self.queue.lock().ready() == 0 {
            return Ok(Vec::new());
        }
        let turn = self.queue.turn.lock().await;
        let (rows, claim, answer) = loop {
            let Some((rows, plan)) = self.read(max_events).await? else {
                return Ok(Vec::new());
            };
            let (reply, answer) = oneshot::channel();
            let mut inner = self.queue.lock();
            let counts = inner.claim(&plan, &rows, self.id);
            if !counts.is_empty() {
                self.core
                    .settle(&self.queue, Change::Count(counts.clone()), Some(reply));
                break (
                    rows,
                    Claim {
                        consumer: self,
                        counts,
                    },
                    answer,
                );
            }
            // What was put back is not in the file any more, and is forgotten now; there may be others.
            if matches!(plan, Plan::After { .. }) {
                return Ok(Vec::new());
            }
        };
        drop(turn);
        match answer.await.unwrap_or_else(|_| Err(Fault::gone())) {
            Ok(()) => {}
            // Handed out all the same, counted in memory only: taking messages is what makes room.
            Err(fault) if fault.full => {}
            Err(fault) => return Err(queue_error("consume from", &self.name, fault)),
        }
        Ok(claim.hand_out(rows))
    }

    /// Reads what comes next, without taking it.
    async fn read(&self, max_events: u32) -> Result<Option<(Vec<Row>, Plan)>, QueueError> {
        let Some(plan) = self.queue.lock().plan(max_events as usize) else {
            return Ok(None);
        };
        let (readers, no) = (Arc::clone(&self.core.readers), self.queue.no);
        tokio::task::spawn_blocking(move || {
            readers
                .read(no, &plan, max_events)
                .map(|rows| Some((rows, plan)))
        })
        .await
        .map_err(|error| queue_error("consume from", &self.name, error))?
        .map_err(|error| queue_error("consume from", &self.name, error))
    }

    async fn written(
        &self,
        doing: &'static str,
        answer: oneshot::Receiver<Result<(), Fault>>,
    ) -> Result<(), QueueError> {
        answer
            .await
            .unwrap_or_else(|_| Err(Fault::gone()))
            .map_err(|fault| queue_error(doing, &self.name, fault))
    }
}

impl Drop for SqliteConsumer {
    fn drop(&mut self) {
        self.queue.lock().leave(self.id);
        self.queue.arrived.notify_waiters();
    }
}

/// Messages taken and not handed out yet. Dropped, which is how a cancelled `next` ends, it puts them back as if they had
/// never been taken.
struct Claim<'a> {
    consumer: &'a SqliteConsumer,
    counts: Vec<(i64, u32)>,
}

impl Claim<'_> {
    fn hand_out(mut self, rows: Vec<Row>) -> Vec<Delivery> {
        let counts = std::mem::take(&mut self.counts);
        let queue = &self.consumer.name;
        let delivery = |(row, (seq, count)): (Row, (i64, u32))| Delivery {
            tag: DeliveryTag(seq as u64),
            delivered_before: count.saturating_sub(1),
            message: Sealed {
                queue: queue.clone(),
                id: row.id,
                events: row.events,
                accepted_at: row.accepted_at,
                body: row.body,
            },
        };
        rows.into_iter().zip(counts).map(delivery).collect()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.counts.is_empty() {
            return;
        }
        let SqliteConsumer {
            core, queue, id, ..
        } = self.consumer;
        let seqs: Vec<i64> = self.counts.iter().map(|(seq, _)| *seq).collect();
        let mut inner = queue.lock();
        let counts = inner.put_back(&seqs, *id, false);
        core.settle(queue, Change::Count(counts), None);
        drop(inner);
        queue.arrived.notify_waiters();
    }
}

impl Core {
    /// Hands a change to the writer.
    fn settle(
        &self,
        queue: &Arc<Queue>,
        change: Change,
        reply: Option<oneshot::Sender<Result<(), Fault>>>,
    ) {
        self.inbox.send(Job::Settle(Settle {
            queue: Arc::clone(queue),
            change,
            reply,
        }));
    }
}
