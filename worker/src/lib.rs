//! The worker: takes messages from a queue, counts each event exactly once, keeps raw events, dead-letters the rest.
//!
//! **Guarantee.** Deliveries are at least once, effects exactly once: `deliver → one transaction of the metric store
//! (ledger, buckets, tallies, dead letters) → raw store → ack`. A crash anywhere leads to a redelivery, and the ledger
//! makes it finish only what is missing. While a store is away nothing is dead-lettered and nothing requeued: the
//! worker holds what it has, stops taking more, and tries again ([`stores`]).
//!
//! | module | question |
//! |---|---|
//! | [`decode`] | is this delivery a message of ours? |
//! | [`stores`] | are the stores there, and how is a failing call repeated? |
//! | [`process`] | how does a batch of messages become counts and raw events? |
//! | [`poison`] | which event does the metric store refuse? |
//! | [`consume`] | the loop of one consumer, worker or keeper |
//! | [`doings`] | what does this process hold, and what has it done? |
//! | [`fleet`] | which queues are drained here, as pipelines come and go? |
//! | [`janitor`] | what has to be done now and then: derived levels, retention, owed raw events |

pub mod broker;
pub mod cli;
pub mod consume;
pub mod decode;
pub mod doings;
pub mod fleet;
pub mod janitor;
pub mod metrics;
pub mod poison;
pub mod process;
pub mod run;
pub mod stores;

use std::sync::Arc;

use sendry_domain::routing::QueueName;
use sendry_queue::EventQueue;
use sendry_runtime::{
    clock::Clock,
    health::{Component, Health},
    shutdown::Tasks,
};
use sendry_store::{ControlStore, MetricStore, RawEventStore};
use tokio_util::sync::CancellationToken;

use crate::{consume::Consuming, doings::Doings, metrics::WorkerMetrics, stores::Stores};

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Drains a pipeline's queue, many messages in one transaction.
    Worker,
    /// Drains a tenant's parked queue, one message at a time, and never gives a message back.
    Keeper,
}

/// How much at once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Consumers of each queue in this process; 0 = none, what comes waits.
    pub concurrency: usize,
    /// Events in one transaction, about: at least one message is taken whatever its size.
    pub batch_events: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 2,
            batch_events: 2_000,
        }
    }
}

/// What workers need from their surroundings; clones share it.
#[derive(Clone)]
pub struct Parts {
    /// Where messages come from.
    pub queue: Arc<dyn EventQueue>,
    /// Counts.
    pub counts: Arc<dyn MetricStore>,
    /// Raw events.
    pub raw: Arc<dyn RawEventStore>,
    /// Tenants and their retention.
    pub control: Arc<dyn ControlStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Handles of the registered metrics.
    pub metrics: WorkerMetrics,
    /// What is told of this process's queues.
    pub doings: Doings,
}

/// Starts the consumers of `queue`.
pub fn start(
    parts: &Parts,
    role: Role,
    queue: &QueueName,
    settings: Settings,
    health: &Health,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) {
    let component = |name| health.component(name).informational();
    for consuming in consumers(parts, role, queue, settings, &component) {
        let stop = stop.clone();
        tasks.spawn_vital(format!("{queue}/{}", consuming.number), async move {
            consuming.run(&stop).await;
        });
    }
}

/// The consumers of `queue`, which share their breakers. A keeper is one. `component` gives each its voice.
pub(crate) fn consumers(
    parts: &Parts,
    role: Role,
    queue: &QueueName,
    settings: Settings,
    component: &dyn Fn(String) -> Component,
) -> Vec<Consuming> {
    let stores = Arc::new(Stores::new(parts));
    let consumers = if role == Role::Keeper {
        1
    } else {
        settings.concurrency
    };
    let consuming = |number| Consuming {
        role,
        name: queue.clone(),
        queue: parts.queue.clone(),
        stores: stores.clone(),
        batch_events: settings.batch_events,
        component: component(format!("{queue}/{number}")),
        number,
        doing: parts.doings.of(queue, consumers),
    };
    (0..consumers).map(consuming).collect()
}
