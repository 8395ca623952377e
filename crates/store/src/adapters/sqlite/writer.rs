//! The one thread that writes.
//!
//! Callers send a closure and wait for its answer. A closure runs in a transaction of its own and always to its end, so
//! a caller that is cancelled leaves either everything or nothing, never a transaction half done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{checkpoint::Checkpoints, failure::Failure, migrate::OpenError, names::Names};

type Job = Box<dyn FnOnce(&mut Desk) + Send>;

/// What a finished closure's work is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

/// The way to the writer's thread.
#[derive(Debug)]
pub struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
struct Desk {
    connection: Connection,
    names: Names,
}

impl Writer {
    /// Hands `connection` to a new thread.
    pub fn start(path: &Path, connection: Connection, queue: usize) -> Result<Self, OpenError> {
        let mut checkpoints = Checkpoints::start(path)?;
        let (jobs, mut queued) = mpsc::channel::<Job>(queue);
        let mut desk = Desk {
            connection,
            names: Names::default(),
        };
        let work = move || {
            Checkpoints::watch(&desk.connection);
            while let Some(job) = queued.blocking_recv() {
                job(&mut desk);
                checkpoints.after_commit(&desk.connection);
            }
            checkpoints.finish(&desk.connection);
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(work)
            .map_err(OpenError::Thread)?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Runs `task` in a transaction and commits it if it succeeds.
    pub async fn transact<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.send(move |desk| desk.run(task, End::Commit)).await
    }

    /// Runs `task` in a transaction and rolls it back.
    pub async fn rehearse<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.send(move |desk| desk.run(task, End::Rollback)).await
    }

    /// Whether the thread lives.
    pub fn alive(&self) -> Result<(), Failure> {
        let jobs = self.jobs.as_ref().filter(|jobs| !jobs.is_closed());
        jobs.map(|_| ()).ok_or(Failure::Gone)
    }

    /// Runs `task` on the bare connection.
    #[cfg(test)]
    pub async fn with_connection<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.send(move |desk| Ok(task(&desk.connection)?)).await
    }

    async fn send<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Desk) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |desk| {
            // A caller that has left does not want to know.
            let _ = answer.send(task(desk));
        });
        let jobs = self.jobs.as_ref().ok_or(Failure::Gone)?;
        jobs.send(job).await.map_err(|_| Failure::Gone)?;
        answered.await.map_err(|_| Failure::Gone)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn run<T>(
        &mut self,
        task: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure>,
        end: End,
    ) -> Result<T, Failure> {
        let Self { connection, names } = self;
        let attempt = AssertUnwindSafe(|| in_transaction(connection, names, task, end));
        let outcome = catch_unwind(attempt).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Failure::Panicked(text.unwrap_or("no message").to_owned()))
        });
        if outcome.is_err() || end == End::Rollback {
            // Names first met in this transaction are not in the file.
            self.names.forget();
        }
        outcome
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    names: &mut Names,
    task: impl FnOnce(&Connection, &mut Names) -> Result<T, Failure>,
    end: End,
) -> Result<T, Failure> {
    // IMMEDIATE, so that a lock is waited for at the start and never half way. Dropped, it rolls back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = task(&transaction, names)?;
    match end {
        End::Commit => transaction.commit().map_err(Failure::Commit)?,
        End::Rollback => transaction.rollback()?,
    }
    Ok(done)
}
