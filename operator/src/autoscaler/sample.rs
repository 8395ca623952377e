//! One look at all pipelines: how much waits in their queues, and what their workers say.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sendry_domain::{
    beat::{Beat, Liveness, ProcessRole},
    routing::QueueName,
    scaling::{QueueLook, WorkerLook},
};
use sendry_queue::QueueDepths;
use sendry_runtime::{clock::Clock, error_chain::chain};
use sendry_store::OperatorStore;
use tokio::time::timeout;

/// Nobody is waited for longer: what is not known by then is not known.
const WITHIN: Duration = Duration::from_secs(5);

/// What was seen at one time. What could not be seen has a reason in its place, and no number.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it began, in monotonic milliseconds.
    pub at: u64,
    /// What each queue said, in the order asked.
    pub queues: Vec<Result<QueueLook, String>>,
    /// What the workers alive say, by the queue they drain.
    pub beats: Result<HashMap<QueueName, Vec<WorkerLook>>, String>,
}

/// Who looks, and remembers who was alive.
pub struct Sampler {
    depths: Arc<dyn QueueDepths>,
    store: Arc<dyn OperatorStore>,
    clock: Arc<dyn Clock>,
    liveness: Liveness,
}

impl Sampler {
    /// Has seen nobody yet.
    #[must_use]
    pub fn new(
        depths: Arc<dyn QueueDepths>,
        store: Arc<dyn OperatorStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            depths,
            store,
            clock,
            liveness: Liveness::default(),
        }
    }

    /// Asks the broker about all `queues`, and the store about all workers, both at once and each once.
    pub async fn look(&mut self, queues: &[QueueName]) -> Sample {
        let at = self.clock.monotonic_ms();
        let depths = timeout(WITHIN, self.depths.depths(queues));
        let beats = timeout(WITHIN, self.store.beats());
        let (depths, beats) = tokio::join!(depths, beats);
        let late = |who: &str| format!("{who} did not answer within {WITHIN:?}");
        let queues = match depths {
            Ok(depths) => depths
                .into_iter()
                .map(|depth| match depth {
                    Ok(depth) => Ok(QueueLook {
                        ready: depth.ready,
                        consumers: depth.consumers,
                    }),
                    Err(error) => Err(chain(&error).to_string()),
                })
                .collect(),
            Err(_) => queues.iter().map(|_| Err(late("the broker"))).collect(),
        };
        let beats = match beats {
            Ok(Ok(beats)) => {
                let now = self.clock.monotonic_ms();
                Ok(by_queue(&self.liveness.alive(beats, now)))
            }
            Ok(Err(error)) => Err(chain(&error).to_string()),
            Err(_) => Err(late("the store of settings")),
        };
        Sample { at, queues, beats }
    }
}

fn by_queue(alive: &[Beat]) -> HashMap<QueueName, Vec<WorkerLook>> {
    let mut looks: HashMap<QueueName, Vec<WorkerLook>> = HashMap::new();
    let workers = alive.iter().filter(|beat| beat.role == ProcessRole::Worker);
    for beat in workers {
        for queue in &beat.queues {
            let look = WorkerLook::new(beat, queue);
            looks.entry(queue.queue()).or_default().push(look);
        }
    }
    looks
}
