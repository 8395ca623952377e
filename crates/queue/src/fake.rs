//! Queues in memory that only tell how much waits in them, for tests of whoever asks.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use sendry_domain::{ledger::OldestHead, routing::QueueName};

use crate::{Depth, QueueDepths, QueueError};

/// Queues that say what they were told to. One that was not told of is missing, and so cannot be asked.
#[derive(Debug, Default)]
pub struct FakeDepths(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    queues: HashMap<QueueName, (u64, u64)>,
    away: bool,
    asked: u64,
}

impl FakeDepths {
    /// No queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `queue` has `ready` messages and `consumers`.
    pub fn set(&self, queue: QueueName, ready: u64, consumers: u64) {
        self.inside().queues.insert(queue, (ready, consumers));
    }

    /// From now on `queue` is missing.
    pub fn remove(&self, queue: &QueueName) {
        self.inside().queues.remove(queue);
    }

    /// Whether nobody answers.
    pub fn away(&self, away: bool) {
        self.inside().away = away;
    }

    /// Bulk looks so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.inside().asked
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl QueueDepths for FakeDepths {
    async fn depths(&self, queues: &[QueueName]) -> Vec<Result<Depth, QueueError>> {
        let mut inside = self.inside();
        inside.asked += 1;
        let look = |queue: &QueueName| match inside.queues.get(queue) {
            Some(&(ready, consumers)) if !inside.away => Ok(Depth {
                ready,
                unacknowledged: None,
                consumers: Some(consumers),
                oldest: OldestHead::Unknown,
            }),
            found => Err(QueueError {
                doing: "ask",
                queue: queue.to_string(),
                source: match found {
                    Some(_) => "nobody answers".into(),
                    None => "there is no such queue".into(),
                },
            }),
        };
        queues.iter().map(look).collect()
    }
}
