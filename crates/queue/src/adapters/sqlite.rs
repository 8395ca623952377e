//! The queue in one file, for the platform in one process.
//!
//! **Guarantee.** At least once, as the port says. When [`EventQueue::publish`] returns `Ok`, the message stands in the
//! write-ahead log `queue.db-wal` and that log has been synced (`synchronous=FULL`): it survives a kill of the process
//! and, as far as the disk keeps its word on a sync, a loss of power. The same holds for an ack.
//!
//! **What a crash leaves.** Before COMMIT: nothing of the transaction, and nobody was told otherwise. Inside COMMIT: all
//! of the transaction or none of it; its publishers were told nothing, or `Unknown`. After COMMIT and before the answer:
//! all of it, and the client that resends is counted once by the ledger. Between delivery and ack: the message comes
//! again, with the delivery counted, since a delivery is marked in the file before it is handed out. (When the disk is
//! full that mark stands in memory only: taking messages is what makes room.)
//!
//! **How.** One thread writes. It takes everything that waits (publishes, acks, marks) into one transaction, so one sync
//! confirms all of them; what arrives meanwhile is the next group. Nothing lingers: an idle queue commits a lone publish
//! at once. Who has which message is kept in memory and forgotten with the process, which is what puts it back.
//!
//! **Parking.** What was delivered [`DELIVERY_LIMIT`] times and never acked moves to its tenant's parked queue, as a
//! broker's dead-lettering does: published there, then removed here. A crash in between leaves it in both, which the
//! ledger counts once.
//!
//! **Size.** Pages freed by acks are used again, so the file stays as large as the largest backlog was; opening it gives
//! the disk back when most of it is free. The log is kept below about 64 MiB.

mod consumer;
mod error;
mod group;
mod inbox;
mod load;
mod log;
mod options;
mod rows;
mod schema;
mod state;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use async_trait::async_trait;
use sendry_domain::{ledger::OldestHead, routing::QueueName};
use tokio::sync::oneshot;

use self::{
    consumer::SqliteConsumer,
    error::{Fault, queue_error},
    inbox::{Inbox, Job, Publish},
    log::LogKeeper,
    rows::Readers,
    state::Registry,
    writer::Writer,
};
pub use self::{error::OpenError, options::Options};
use crate::{Consumer, Depth, EventQueue, PublishError, QueueDepths, QueueError, Sealed};

/// A queue file. Dropping it and its consumers waits for the last commit and closes the file.
pub struct SqliteQueue {
    core: Arc<Core>,
    last_consumer: AtomicU64,
}

/// What the queue and its consumers share.
struct Core {
    path: PathBuf,
    options: Options,
    inbox: Arc<Inbox>,
    registry: Arc<Registry>,
    readers: Arc<Readers>,
    log: Arc<LogKeeper>,
    commits: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
    /// Locked while the file is open; a second process would hand out the same messages.
    _lock: File,
}

impl SqliteQueue {
    /// Opens the file at `path`, making it where absent.
    ///
    /// Blocks: with a million messages waiting it takes a few tenths of a second.
    ///
    /// # Errors
    /// When another process has it, a later build wrote it, or SQLite or the system refuses.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = path.as_ref().to_owned();
        let lock = lock(&path)?;
        let conn = schema::open(&path, &options)?;
        let registry = Arc::new(Registry::default());
        let next_seq = load::queues(&conn, &registry)
            .and_then(|()| load::contents(&conn, &registry))
            .map_err(|source| OpenError::Sqlite {
                doing: "read",
                path: path.clone(),
                source,
            })?;
        let mut core = Core {
            inbox: Arc::new(Inbox::new(options.inbox_messages, options.inbox_bytes)),
            registry,
            readers: Arc::new(Readers::new(path.clone())),
            log: Arc::new(LogKeeper::new(path.clone())),
            commits: Arc::default(),
            threads: Vec::with_capacity(2),
            _lock: lock,
            path,
            options,
        };
        core.start(conn, next_seq)?;
        Ok(Self {
            core: Arc::new(core),
            last_consumer: AtomicU64::new(0),
        })
    }

    /// Transactions committed since it was opened; against messages published it tells how well they share a sync.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.core.commits.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl QueueDepths for SqliteQueue {
    async fn depths(&self, queues: &[QueueName]) -> Vec<Result<Depth, QueueError>> {
        let mut answers = Vec::with_capacity(queues.len());
        for queue in queues {
            answers.push(self.depth(queue).await);
        }
        answers
    }
}

#[async_trait]
impl EventQueue for SqliteQueue {
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        self.core.publish(message).await
    }

    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(SqliteConsumer {
            core: Arc::clone(&self.core),
            queue: self.core.registry.get_or_make(&queue.routing_key()),
            name: queue.clone(),
            id: self.last_consumer.fetch_add(1, Ordering::Relaxed),
            stopped: false,
        }))
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        let Some(known) = self.core.registry.get(&queue.routing_key()) else {
            return Ok(Depth {
                ready: 0,
                unacknowledged: Some(0),
                consumers: None,
                oldest: OldestHead::Empty,
            });
        };
        let (readers, no) = (Arc::clone(&self.core.readers), known.no);
        let oldest = tokio::task::spawn_blocking(move || readers.oldest(no))
            .await
            .map_err(|error| queue_error("ask", queue, error))?
            .map_err(|error| queue_error("ask", queue, error))?;
        let inner = known.lock();
        let (ready, unacknowledged) = (inner.ready(), inner.unacknowledged());
        // Read before the counts: the last message may have been acked in between.
        let oldest = match oldest {
            _ if ready + unacknowledged == 0 => OldestHead::Empty,
            Some(at) => OldestHead::AcceptedAt(at),
            // Published in between: not in the file when it was read.
            None => OldestHead::Unknown,
        };
        Ok(Depth {
            ready,
            unacknowledged: Some(unacknowledged),
            consumers: None,
            oldest,
        })
    }

    async fn check(&self) -> Result<(), QueueError> {
        let (reply, answer) = oneshot::channel();
        self.core.inbox.send(Job::Probe(reply));
        let failed = |fault: Fault| queue_error("write to", self.core.path.display(), fault);
        match tokio::time::timeout(self.core.options.publish_timeout, answer).await {
            Ok(Ok(result)) => result.map_err(failed),
            Ok(Err(_)) => Err(failed(Fault::gone())),
            Err(elapsed) => Err(queue_error("write to", self.core.path.display(), elapsed)),
        }
    }
}

impl Core {
    /// Hands a message to the writer and waits for its commit.
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        let (reply, answer) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let queue = self.registry.get_or_make(&message.queue.routing_key());
        let job = Publish {
            queue,
            message,
            taken: Arc::clone(&taken),
            reply,
        };
        self.inbox
            .publish(job)
            .map_err(|refused| PublishError::Unavailable(refused.to_string()))?;
        let timeout = self.options.publish_timeout;
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) if !taken.load(Ordering::Acquire) => {
                Err(PublishError::Unavailable(Fault::gone().to_string()))
            }
            Ok(Err(_)) => Err(PublishError::Unknown(Fault::gone().to_string())),
            // Whoever sets the flag first decides: taken back here, or begun by the writer.
            Err(_) if taken.swap(true, Ordering::AcqRel) => Err(PublishError::Unknown(format!(
                "no commit within {timeout:?}"
            ))),
            Err(_) => Err(PublishError::Unavailable(format!(
                "not begun within {timeout:?}"
            ))),
        }
    }

    /// Starts the threads; the writer takes the connection.
    fn start(&mut self, conn: rusqlite::Connection, next_seq: i64) -> Result<(), OpenError> {
        let writer = Writer {
            path: self.path.clone(),
            options: self.options.clone(),
            inbox: Arc::clone(&self.inbox),
            registry: Arc::clone(&self.registry),
            log: Arc::clone(&self.log),
            commits: Arc::clone(&self.commits),
            conn: Some(conn),
            next_seq,
        };
        self.spawn("queue-writer", move || writer.run())?;
        let log = Arc::clone(&self.log);
        self.spawn("queue-log", move || log.run())
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let path = self.path.clone();
        let thread = thread.map_err(|source| OpenError::Io {
            doing: "start a thread",
            path,
            source,
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.readers.close();
        self.log.end();
        self.inbox.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(path = %self.path.display(), "a thread of the queue file panicked");
            }
        }
    }
}

/// Takes the lock file beside the queue file. The system drops the lock with the process, however it ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |source| OpenError::Io {
        doing: "take the lock",
        path: path.to_owned(),
        source,
    };
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(name)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
