//! Who is reconciled next?
//!
//! A queue of names: what to do with a name is found out when it is its turn, from what is observed then. So a name is in
//! it once however often it changes, and losing the queue loses nothing that the next resync does not bring back.
//!
//! **Guarantee.** A name that was added is worked on after it was added, by one worker at a time. A change overtakes every
//! resync that waits; a stream of changes cannot hold resyncs back for ever.

mod queue;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

pub use queue::{Lane, Outcome, Queue};

/// The queue that workers share. Clones are the same queue.
#[derive(Clone, Debug)]
pub struct WorkQueue {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Mutex<Queue>,
    /// A permit for a worker that waits; who takes a name passes it on while there are more.
    more: Notify,
    start: Instant,
}

impl Default for WorkQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl WorkQueue {
    /// Nothing to do yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                queue: Mutex::default(),
                more: Notify::new(),
                start: Instant::now(),
            }),
        }
    }

    /// Somebody changed what `name` is about.
    pub fn changed(&self, name: &str) {
        self.add(name, Lane::Change);
    }

    /// Nothing is known to have changed, but it is time to look.
    pub fn resync(&self, name: &str) {
        self.add(name, Lane::Resync);
    }

    /// Adds `name` to a lane.
    pub fn add(&self, name: &str, lane: Lane) {
        self.lock().add(name, lane);
        self.inner.more.notify_one();
    }

    /// Waits for the next name. It is this worker's until [`Self::done`].
    ///
    /// Cancel safe: a name is only taken by the poll that returns it.
    pub async fn next(&self) -> String {
        loop {
            let now = self.now();
            let due = {
                let mut queue = self.lock();
                if let Some(name) = queue.next(now) {
                    // Another must look: for what else waits, and to wake up when the next one is due.
                    if queue.waiting() + queue.later() > 0 {
                        self.inner.more.notify_one();
                    }
                    return name;
                }
                queue.next_due()
            };
            let more = self.inner.more.notified();
            match due {
                Some(due) => tokio::select! {
                    () = more => {}
                    () = sleep_until(self.inner.start + due) => {}
                },
                None => more.await,
            }
        }
    }

    /// The worker is through with `name`. `random` in `[0, 1)` spreads the next try. Returns when the name comes next, if
    /// that is known.
    pub fn done(&self, name: &str, outcome: Outcome, random: f64) -> Option<Duration> {
        let now = self.now();
        let next = self.lock().done(name, outcome, now, random);
        // Whoever waits has to look again when it is due.
        self.inner.more.notify_one();
        next
    }

    /// How many passes of `name` failed in a row.
    #[must_use]
    pub fn failures(&self, name: &str) -> u32 {
        self.lock().failures(name)
    }

    /// How many wait in a lane, and those not due yet.
    #[must_use]
    pub fn depths(&self) -> Depths {
        let queue = self.lock();
        Depths {
            change: queue.depth(Lane::Change),
            resync: queue.depth(Lane::Resync),
            later: queue.later(),
            working: queue.working(),
        }
    }

    fn now(&self) -> Duration {
        self.inner.start.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under the lock panics half way.
        self.inner
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// Changes that wait for a worker.
    pub change: usize,
    /// Resyncs that wait for a worker.
    pub resync: usize,
    /// Names that are tried again, or looked at, later.
    pub later: usize,
    /// Names that are worked on now.
    pub working: usize,
}

#[cfg(test)]
mod tests;
