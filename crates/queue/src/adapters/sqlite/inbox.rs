//! What waits for the writer: bounded for publishes, so that a slow disk is answered and not hidden; unbounded for
//! acks and the like, which are bounded by what is in flight and are what makes room.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::oneshot;

use super::{error::Fault, state::Queue};
use crate::{PublishError, Sealed};

/// Ends a group of jobs at this many, so that the first of them does not wait for the last.
const GROUP_JOBS: usize = 4_096;
/// Or at this many bytes of bodies.
const GROUP_BYTES: usize = 8 << 20;

/// A message on its way into the file.
pub(super) struct Publish {
    pub queue: Arc<Queue>,
    pub message: Sealed,
    /// Set by whoever is first: the writer that starts on it, or the publisher that takes it back.
    pub taken: Arc<AtomicBool>,
    pub reply: oneshot::Sender<Result<(), PublishError>>,
}

impl Publish {
    /// Claims the job for the writer; `false` when nobody wants it any more.
    pub fn begin(&self) -> bool {
        !self.reply.is_closed() && !self.taken.swap(true, Ordering::AcqRel)
    }
}

/// A change to messages that are stored already.
pub(super) struct Settle {
    pub queue: Arc<Queue>,
    pub change: Change,
    /// `None` where nobody waits: the writer logs what fails.
    pub reply: Option<oneshot::Sender<Result<(), Fault>>>,
}

pub(super) enum Change {
    /// Remove these messages for good.
    Remove(Vec<i64>),
    /// These messages were delivered so often. Absolute, so that a lost or repeated write heals with the next.
    Count(Vec<(i64, u32)>),
}

pub(super) enum Job {
    Publish(Publish),
    Settle(Settle),
    /// Try the whole write path.
    Probe(oneshot::Sender<Result<(), Fault>>),
}

/// Why a publish was not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the disk is behind: {0} messages wait to be written")]
    Behind(usize),
    #[error("the queue is closed")]
    Closed,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    publishes: usize,
    bytes: usize,
    /// The writer sleeps; nobody else has to be woken.
    idle: bool,
    closed: bool,
}

pub(super) struct Inbox {
    max_publishes: usize,
    max_bytes: usize,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Inbox {
    pub fn new(max_publishes: usize, max_bytes: usize) -> Self {
        Self {
            max_publishes,
            max_bytes,
            waiting: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Lets a publish in, or refuses it at once.
    pub fn publish(&self, job: Publish) -> Result<(), Refused> {
        let mut waiting = self.lock();
        let size = job.message.body.len();
        let full = waiting.publishes >= self.max_publishes
            || (waiting.publishes > 0 && waiting.bytes + size > self.max_bytes);
        if waiting.closed {
            return Err(Refused::Closed);
        }
        if full {
            return Err(Refused::Behind(waiting.publishes));
        }
        waiting.publishes += 1;
        waiting.bytes += size;
        self.push(waiting, Job::Publish(job));
        Ok(())
    }

    /// Lets anything else in. A job dropped because the queue is closed is seen by its waiter.
    pub fn send(&self, job: Job) {
        let waiting = self.lock();
        if !waiting.closed {
            self.push(waiting, job);
        }
    }

    fn push(&self, mut waiting: MutexGuard<'_, Waiting>, job: Job) {
        waiting.jobs.push_back(job);
        let sleeping = std::mem::take(&mut waiting.idle);
        drop(waiting);
        if sleeping {
            self.wake.notify_one();
        }
    }

    /// Everything that waits, up to one group; sleeps while there is nothing. `None` once closed and empty.
    pub fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.idle = true;
            waiting = self
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = 0;
        let mut group = Vec::with_capacity(waiting.jobs.len().min(GROUP_JOBS));
        while group.len() < GROUP_JOBS && bytes < GROUP_BYTES {
            let Some(job) = waiting.jobs.pop_front() else {
                break;
            };
            if let Job::Publish(publish) = &job {
                let size = publish.message.body.len();
                waiting.publishes -= 1;
                waiting.bytes -= size;
                bytes += size;
            }
            group.push(job);
        }
        Some(group)
    }

    /// Lets nothing more in; what is in is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    /// As [`Self::close`], and drops what is in, so that its waiters learn that nobody will come.
    pub fn abandon(&self) {
        let left = {
            let mut waiting = self.lock();
            waiting.closed = true;
            std::mem::take(&mut waiting.jobs)
        };
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
