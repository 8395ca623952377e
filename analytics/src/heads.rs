//! How old the oldest message of each queue is, where the queue itself does not tell: put together from what the workers
//! say of themselves, look by look ([`sendry_domain::beat::Head`]).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sendry_domain::{
    beat::{Beat, Head, Liveness},
    routing::QueueName,
    time::UnixMillis,
};
use sendry_queue::Depth;
use sendry_runtime::error_chain::chain;

use crate::app::App;

/// What was seen of every queue that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    liveness: Mutex<Liveness>,
    by_queue: Mutex<HashMap<QueueName, Head>>,
}

impl Heads {
    /// Completes what a queue said at `asked_at`. The processes are asked afterwards, never before: the order is what
    /// makes the answer true.
    pub(crate) async fn look(
        &self,
        app: &App,
        queue: &QueueName,
        asked_at: UnixMillis,
        depth: Depth,
    ) -> Depth {
        let beats = match app.control.beats().await {
            Ok(beats) => self.alive(beats, app.clock.monotonic_ms()),
            Err(error) => {
                tracing::debug!(error = %chain(&error), queue.name = %queue, "what the workers hold is unknown");
                return depth;
            }
        };
        let drainers: Vec<_> = beats
            .iter()
            .flat_map(|beat| beat.queues.iter().map(move |of| (beat, of)))
            .filter(|(_, of)| of.queue() == *queue)
            .collect();
        let mut heads = self.by_queue.lock().unwrap_or_else(PoisonError::into_inner);
        let head = heads.entry(queue.clone()).or_default();
        head.look(asked_at, depth, &drainers)
    }

    fn alive(&self, beats: Vec<Beat>, now: u64) -> Vec<Beat> {
        let mut liveness = self.liveness.lock().unwrap_or_else(PoisonError::into_inner);
        liveness.alive(beats, now)
    }
}
