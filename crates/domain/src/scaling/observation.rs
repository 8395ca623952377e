//! What was seen of a pipeline at one time.

use uuid::Uuid;

use crate::beat::{Beat, QueueBeat};

/// One look at a pipeline. What could not be seen is `None`, never 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When, in monotonic milliseconds of the observer.
    pub at: u64,
    /// Workers asked for at present: the Deployment's `spec.replicas`, not how many of them run.
    pub workers: u32,
    /// What the queue said; `None` when it could not be asked.
    pub queue: Option<QueueLook>,
    /// What the workers alive say of themselves; `None` when their beats could not be read.
    pub beats: Option<Vec<WorkerLook>>,
}

/// What a queue said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLook {
    /// Messages not delivered yet.
    pub ready: u64,
    /// Consumers attached; `None` where the queue does not tell.
    pub consumers: Option<u64>,
}

/// What one worker says of one queue. Counters are since its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerLook {
    /// One worker. Its counters fall where its container was started again.
    pub instance: Uuid,
    /// Grows with every beat.
    pub sequence: u64,
    /// Its consumers.
    pub consumers: u64,
    /// Messages it holds and has not acked.
    pub in_flight: u64,
    /// Messages processed.
    pub messages: u64,
    /// Events processed.
    pub events: u64,
    /// Microseconds spent processing, all consumers together.
    pub busy_us: u64,
}

impl WorkerLook {
    /// What `beat` says in `queue`, one of its queues.
    #[must_use]
    pub fn new(beat: &Beat, queue: &QueueBeat) -> Self {
        Self {
            instance: beat.instance,
            sequence: beat.sequence,
            consumers: queue.consumers,
            in_flight: queue.in_flight,
            messages: queue.messages,
            events: queue.events,
            busy_us: queue.busy_us,
        }
    }
}
