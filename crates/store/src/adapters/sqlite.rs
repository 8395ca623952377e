//! All three stores in one SQLite file, for one process.
//!
//! **Guarantee.** What [`MetricStore::count`](crate::MetricStore::count) confirmed survives the death of the process and
//! of the machine: `synchronous=FULL`, one transaction a call. One thread writes ([`writer`]), a few connections read
//! snapshots beside it ([`readers`]); the write-ahead log is folded back by a third ([`checkpoint`]), so that a commit
//! waits for one fsync and nothing else. That no second process opens the file is the caller's to ensure (a lock file in
//! the data folder): the writer keeps names in memory.
//!
//! One writer needs no shards to keep writers off one hot row. Tallies have them all the same, so that both databases
//! look alike; total series have none.

mod checkpoint;
mod column;
mod connection;
mod control;
mod failure;
mod metrics;
mod migrate;
mod names;
mod raw;
mod readers;
mod writer;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use failure::Failure;
use readers::Readers;
use writer::Writer;

pub use migrate::OpenError;

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Connections that read.
    pub readers: usize,
    /// Writes that may wait for the writer before callers wait for room.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 64,
        }
    }
}

/// A store in one file.
///
/// Dropping it finishes what is queued, folds the log into the file and closes it; this blocks for as long.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the last connection to close must be the writer's, or the log stays behind.
    readers: Arc<Readers>,
    writer: Writer,
    /// One derivation at a time: a second one would only do the same work.
    deriving: tokio::sync::Mutex<()>,
    /// Told of every change of the settings that this process makes.
    control_changed: tokio::sync::Notify,
}

impl SqliteStore {
    /// Opens the store at `path`, made and brought up to this build's schema where needed.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a Sendry store, or was written by a newer build.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let opening = |source| OpenError::Open {
            path: path.to_owned(),
            source,
        };
        let mut connection = rusqlite::Connection::open(path).map_err(opening)?;
        // Before anything is set: a file that is refused stays as it is.
        let version = migrate::check(path, &connection)?;
        connection::prepare_writer(&connection).map_err(opening)?;
        migrate::migrate(path, &mut connection, version)?;
        let readers = Readers::open(path, options.readers.max(1)).map_err(opening)?;
        let writer = Writer::start(path, connection, options.queue.max(1))?;
        Ok(Self {
            readers: Arc::new(readers),
            writer,
            deriving: tokio::sync::Mutex::new(()),
            control_changed: tokio::sync::Notify::new(),
        })
    }

    /// Whether reads work and the writer lives.
    async fn answers(&self) -> Result<(), Failure> {
        self.writer.alive()?;
        let look = |snapshot: &rusqlite::Connection| {
            Ok(snapshot.query_row("SELECT version FROM control", [], |_| Ok(()))?)
        };
        self.readers.read(look).await
    }
}
