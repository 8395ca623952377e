//! What ingest, workers and readers ask of a queue.

use std::time::Duration;

use async_trait::async_trait;
use sendry_domain::{id::MessageId, routing::QueueName, time::UnixMillis};

/// A message ready to travel. The properties stand beside the bytes so that a message which cannot be read any more can
/// still be accounted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Where to.
    pub queue: QueueName,
    /// Its name, once and for all.
    pub id: MessageId,
    /// How many events it carries.
    pub events: u32,
    /// When ingest accepted it.
    pub accepted_at: UnixMillis,
    /// Wire form ([`sendry_domain::message`]).
    pub body: Vec<u8>,
}

/// Why a publish did not succeed, in the three ways a client must be able to tell apart.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Surely not stored: nothing was handed over.
    #[error("queue unavailable, nothing was stored: {0}")]
    Unavailable(String),
    /// Surely not stored: this queue is full. Says nothing about other queues.
    #[error("queue {0} is full")]
    Full(QueueName),
    /// Handed over, and no confirm came: stored or not. Only a retry under the same identity is safe.
    #[error("no confirm from the queue, the message may be stored: {0}")]
    Unknown(String),
}

/// Why a consumer or a question failed. Always worth a retry; never a reason to dead-letter.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing} queue {queue}")]
pub struct QueueError {
    /// The operation: `consume from`, `ack to`, `ask`.
    pub doing: &'static str,
    /// The queue.
    pub queue: String,
    /// What the adapter saw.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Names a delivery within its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryTag(pub u64);

/// A message on its way to a worker; in flight until acked or until its consumer is gone.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// For [`Consumer::ack`].
    pub tag: DeliveryTag,
    /// The message.
    pub message: Sealed,
    /// How often it was delivered before this time and not acked. A message that was delivered twice is processed alone:
    /// it may be what stopped its worker.
    pub delivered_before: u32,
}

/// How much waits in a queue, as far as the queue can tell: what it cannot is `None` or unknown, never zero.
/// [`Head`](sendry_domain::beat::Head) completes it from what the workers say.
pub use sendry_domain::beat::Waiting as Depth;

/// One reader of one queue. Dropping it puts everything it did not ack back, for another.
#[async_trait]
pub trait Consumer: Send {
    /// Waits up to `wait` for a message, then takes what is there: at most `max_events` events, but at least one
    /// message, and a message that was delivered twice before comes alone. Empty when nothing came.
    ///
    /// Cancel safe: a message is either returned or stays in the queue.
    async fn next(&mut self, max_events: u32, wait: Duration) -> Result<Vec<Delivery>, QueueError>;

    /// Removes messages for good. After an error they come again.
    async fn ack(&mut self, tags: &[DeliveryTag]) -> Result<(), QueueError>;

    /// Asks for nothing more: from now on [`Self::next`] returns only what is already on its way to this consumer, and
    /// empty at once when that is all. So an orderly stop finishes what it holds, and nothing is delivered twice.
    async fn stop(&mut self) -> Result<(), QueueError>;

    /// Puts messages back at once, for example to leave in an orderly way. With `blame` they
    /// count as delivered once more: their content, not the stores or a shutdown, kept them from being processed. Without,
    /// they do not, where the queue can tell (RabbitMQ before 4.3 counts every return).
    async fn put_back(&mut self, tags: &[DeliveryTag], blame: bool) -> Result<(), QueueError>;
}

/// The queue.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// Stores a message durably. Returns only when it is on stable storage, or with the reason why not.
    ///
    /// Not cancel safe: a publish that is dropped half way is [`PublishError::Unknown`].
    async fn publish(&self, message: Sealed) -> Result<(), PublishError>;

    /// Starts to read a queue; any number of consumers may, each message going to one of them.
    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError>;

    /// How much waits. An error means unknown, which is never zero.
    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError>;

    /// Whether publishing would work now, for readiness.
    async fn check(&self) -> Result<(), QueueError>;
}

/// Asking many queues at once how much waits, as an autoscaler does every few seconds.
#[async_trait]
pub trait QueueDepths: Send + Sync {
    /// How much waits in each queue, in the order asked. What goes wrong with one is told of that one alone, and is
    /// unknown, which is never zero.
    async fn depths(&self, queues: &[QueueName]) -> Vec<Result<Depth, QueueError>>;
}
