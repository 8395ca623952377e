//! The queue between ingest and workers: the port [`EventQueue`], its adapters, and one contract suite for all of them.
//!
//! **Guarantee of the port.** At least once: a message whose [`EventQueue::publish`] returned `Ok` is on stable storage
//! and is delivered until it is acked. Nothing is promised about order. What makes repetition safe is the ledger in the
//! store, not the queue.
//!
//! [`adapters::sqlite`] is one file for the platform in one process, [`adapters::amqp`] a RabbitMQ. What has to stand on
//! that broker is a value, [`topology`]; [`adapters::rabbitmq_management`] brings the broker to it and keeps it there.

pub mod port;

pub mod adapters;
pub mod topology;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

#[cfg(any(test, feature = "fake"))]
pub mod fake;

pub use port::{
    Consumer, Delivery, DeliveryTag, Depth, EventQueue, PublishError, QueueDepths, QueueError,
    Sealed,
};
