//! The queue on RabbitMQ (3.10 to 4.x), over AMQP 0-9-1.
//!
//! **Guarantee.** At least once, as the port says. When [`EventQueue::publish`] returns `Ok`, a quorum of the broker's
//! nodes has the message on disk, in its pipeline's queue or, where that has no binding, in the tenant's parked queue.
//!
//! **The broker may be away.** [`AmqpQueue::connect`] never fails. Two connections are kept, one for publishing and one
//! for everything else, since a broker that runs out of disk or memory stops reading from those that publish. Each is
//! made anew for as long as the queue lives, with jittered pauses. Until then a publish is
//! [`PublishError::Unavailable`] at once, and everything else an error at once. So it is while the broker says
//! `connection.blocked`.
//!
//! **Whose confirm.** The client library (lapin 4.12) matches confirms by number, which holds as long as one task begins
//! all publishes of a channel: it counts a publish and queues its frames in two steps. Returned messages it matches by
//! order alone, which is wrong with more than one publish in flight: a message that was stored gets the return of
//! another, and the other a clean confirm. A test of the bare library shows both. So returns are matched by message id
//! here, and an answer is given when it is certain (`verdicts.rs`).
//!
//! **Whose count.** `x-delivery-count` is counted by each queue for itself, so a parked message starts at none. Brokers
//! before 4.3 count every return; from 4.3 on a nack is none, so what is to blame is rejected.
//!
//! The library logs every returned message whole, with its body, as a warning of target `lapin`: keep that target at
//! `error`.

mod consumer;
mod declare;
mod depths;
mod door;
mod error;
mod flight;
mod link;
mod options;
mod properties;
mod publisher;
mod session;
mod verdicts;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use lapin::{
    ExchangeKind,
    options::{BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions},
    types::FieldTable,
};
use sendry_domain::{
    ledger::OldestHead,
    routing::{EXCHANGE, QueueName},
};
use tokio::time::{Instant, sleep};

use self::{
    consumer::AmqpConsumer,
    error::{Fault, queue_error, within},
    link::Link,
    publisher::Publisher,
};
pub use self::{
    depths::AmqpDepths,
    options::{AmqpOptions, BadUrl},
};
use crate::{Consumer, Depth, EventQueue, PublishError, QueueError, Sealed, topology::Topology};

/// Between two reads of a queue that says it is empty.
const SECOND_LOOK: Duration = Duration::from_millis(20);

/// The publishing connection, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmqpState {
    /// There is one.
    pub connected: bool,
    /// The broker takes nothing for lack of disk or memory.
    pub blocked: bool,
    /// Publishes sent and not confirmed.
    pub unconfirmed: usize,
}

/// A broker. Dropping it closes its connections; consumers keep theirs until they are dropped.
pub struct AmqpQueue {
    options: Arc<AmqpOptions>,
    publisher: Publisher,
    link: Link,
}

impl AmqpQueue {
    /// Starts to connect, and goes on for ever.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect(options: AmqpOptions) -> Self {
        let options = Arc::new(options);
        Self {
            publisher: Publisher::start(Arc::clone(&options)),
            link: Link::start(Arc::clone(&options)),
            options,
        }
    }

    /// The publishing connection now.
    #[must_use]
    pub fn state(&self) -> AmqpState {
        self.publisher.door.state()
    }

    /// Waits until publishing works, at most `limit`; for starting up and tests.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ready(&self, limit: Duration) -> Result<(), QueueError> {
        let started = Instant::now();
        loop {
            match self.check().await {
                Err(error) if started.elapsed() > limit => return Err(error),
                Err(_) => sleep(SECOND_LOOK).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Declares what of `topology` is missing, with every limit as an argument. For where no operator declares it and
    /// there is no management API; what is there already stays as it is.
    ///
    /// # Errors
    /// When the broker cannot be reached, refuses, or has one of the exchanges in another form.
    pub async fn declare(&self, topology: &Topology) -> Result<(), QueueError> {
        declare::declare(&self.link, topology, self.options.answer_timeout).await?;
        self.publisher.retry_now();
        Ok(())
    }

    async fn look(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        let channel = self.link.channel("ask", queue).await?;
        let (name, limit) = (queue.to_string(), self.options.answer_timeout);
        let found = declare::passive(&channel, &name, limit).await?;
        Ok(Depth {
            ready: found.message_count().into(),
            unacknowledged: None,
            consumers: Some(found.consumer_count().into()),
            oldest: OldestHead::Unknown,
        })
    }
}

#[async_trait]
impl EventQueue for AmqpQueue {
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        self.publisher.publish(message).await
    }

    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        let doing = "consume from";
        let channel = self.link.channel(doing, queue).await?;
        let limit = self.options.answer_timeout;
        let prefetch = match queue {
            QueueName::Pipeline(..) => self.options.prefetch,
            QueueName::Parked(_) => 1,
        };
        let limited = channel.basic_qos(prefetch, BasicQosOptions::default());
        within(limit, doing, queue, limited).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consuming = channel.basic_consume(queue.to_string().into(), "".into(), options, none);
        let stream = within(limit, doing, queue, consuming).await?;
        Ok(Box::new(AmqpConsumer {
            name: queue.clone(),
            channel,
            stream,
            limit,
            buffer: VecDeque::new(),
            unacked: BTreeSet::new(),
            stopped: false,
            ended: false,
        }))
    }

    /// A broker of the 3.10 line may answer a question with (0, 0) when the queue's leader is busy, so nothing is told
    /// twice before it is believed.
    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        let first = self.look(queue).await?;
        if first.ready > 0 {
            return Ok(first);
        }
        sleep(SECOND_LOOK).await;
        self.look(queue).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        let doing = "publish to";
        self.publisher
            .door
            .check()
            .map_err(|reason| queue_error(doing, EXCHANGE, Fault(reason)))?;
        let channel = self.link.channel(doing, EXCHANGE).await?;
        let limit = self.options.answer_timeout;
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        let (name, none) = (EXCHANGE.into(), FieldTable::default());
        let asked = channel.exchange_declare(name, ExchangeKind::Topic, passive, none);
        within(limit, doing, EXCHANGE, asked).await
    }
}
