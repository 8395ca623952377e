//! One reader of one queue, on a channel of its own: when it is dropped the channel closes, and the broker puts back
//! what was not acked.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicCancelOptions, BasicNackOptions, BasicRejectOptions},
};
use sendry_domain::routing::QueueName;
use tokio::time::timeout;

use super::{
    error::{Fault, queue_error, within},
    properties,
};
use crate::{Consumer, Delivery, DeliveryTag, QueueError};

/// A message delivered this often before comes alone.
const SUSPECT_AT: u32 = 2;

pub(super) struct AmqpConsumer {
    pub name: QueueName,
    pub channel: Channel,
    pub stream: lapin::Consumer,
    /// How long the broker may take to answer.
    pub limit: Duration,
    /// Came, and was not asked for yet.
    pub buffer: VecDeque<Delivery>,
    /// Came, and was neither acked nor put back.
    pub unacked: BTreeSet<u64>,
    /// Asks for nothing more.
    pub stopped: bool,
    /// Nothing more will come.
    pub ended: bool,
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn next(&mut self, max_events: u32, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        self.take_what_came()?;
        if self.buffer.is_empty() && !self.ended {
            // Nothing is lost when this future is dropped: what the stream gives is in the buffer before the next await.
            if let Ok(came) = timeout(wait, self.stream.next()).await {
                self.keep(came)?;
                self.take_what_came()?;
            }
        }
        Ok(self.batch(max_events))
    }

    async fn ack(&mut self, tags: &[DeliveryTag]) -> Result<(), QueueError> {
        let (up_to, single) = self.split(tags);
        for (tag, multiple) in up_to.map(|tag| (tag, true)).into_iter().chain(single) {
            let acked = self.channel.basic_ack(tag, BasicAckOptions { multiple });
            within(self.limit, "ack to", &self.name, acked).await?;
            self.settled(tag, multiple);
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), QueueError> {
        if !self.stopped {
            self.stopped = true;
            let options = BasicCancelOptions::default();
            let cancelled = self.channel.basic_cancel(self.stream.tag(), options);
            within(self.limit, "stop consuming from", &self.name, cancelled).await?;
        }
        Ok(())
    }

    /// A reject says that the message is to blame, a nack does not. Brokers before 4.3 count both, later ones only the
    /// reject.
    async fn put_back(&mut self, tags: &[DeliveryTag], blame: bool) -> Result<(), QueueError> {
        if blame {
            for tag in tags {
                let options = BasicRejectOptions { requeue: true };
                let rejected = self.channel.basic_reject(tag.0, options);
                within(self.limit, "put back to", &self.name, rejected).await?;
                self.settled(tag.0, false);
            }
            return Ok(());
        }
        let (up_to, single) = self.split(tags);
        for (tag, multiple) in up_to.map(|tag| (tag, true)).into_iter().chain(single) {
            let options = BasicNackOptions {
                multiple,
                requeue: true,
            };
            let nacked = self.channel.basic_nack(tag, options);
            within(self.limit, "put back to", &self.name, nacked).await?;
            self.settled(tag, multiple);
        }
        Ok(())
    }
}

impl AmqpConsumer {
    fn take_what_came(&mut self) -> Result<(), QueueError> {
        while !self.ended
            && let Some(came) = self.stream.next().now_or_never()
        {
            self.keep(came)?;
        }
        Ok(())
    }

    /// Takes in what the stream gave. Its end is an error unless it was asked for.
    fn keep(
        &mut self,
        came: Option<Result<lapin::message::Delivery, lapin::Error>>,
    ) -> Result<(), QueueError> {
        match came {
            Some(Ok(delivered)) => {
                let tag = delivered.delivery_tag;
                let (message, delivered_before) = properties::message(&self.name, delivered);
                self.unacked.insert(tag);
                self.buffer.push_back(Delivery {
                    tag: DeliveryTag(tag),
                    message,
                    delivered_before,
                });
                Ok(())
            }
            Some(Err(error)) => Err(queue_error("consume from", &self.name, error)),
            None if self.stopped && self.channel.status().connected() => {
                self.ended = true;
                Ok(())
            }
            None => {
                let fault = Fault("the broker ended the consumer; is the queue gone?".to_owned());
                Err(queue_error("consume from", &self.name, fault))
            }
        }
    }

    fn batch(&mut self, max_events: u32) -> Vec<Delivery> {
        let mut batch = Vec::new();
        let mut events: u32 = 0;
        while let Some(next) = self.buffer.front() {
            let sum = events.saturating_add(next.message.events);
            let suspect = next.delivered_before >= SUSPECT_AT;
            if !batch.is_empty() && (suspect || sum > max_events) {
                break;
            }
            events = sum;
            batch.extend(self.buffer.pop_front());
            if suspect {
                break;
            }
        }
        batch
    }

    /// `tags` as one tag up to which everything is among them, and the others, each for itself.
    fn split(&self, tags: &[DeliveryTag]) -> (Option<u64>, Vec<(u64, bool)>) {
        let mut tags: BTreeSet<u64> = tags.iter().map(|tag| tag.0).collect();
        tags.retain(|tag| self.unacked.contains(tag));
        let unbroken = self.unacked.iter().take_while(|tag| tags.contains(tag));
        let up_to = unbroken.last().copied();
        let others = tags
            .into_iter()
            .filter(|tag| up_to.is_none_or(|up_to| *tag > up_to));
        (up_to, others.map(|tag| (tag, false)).collect())
    }

    fn settled(&mut self, tag: u64, multiple: bool) {
        if multiple {
            self.unacked = self.unacked.split_off(&(tag + 1));
        } else {
            self.unacked.remove(&tag);
        }
    }
}
