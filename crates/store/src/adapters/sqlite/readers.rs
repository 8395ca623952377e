//! Reading beside the writer.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::Semaphore;

use super::{connection, failure::Failure, names::Dictionary};

/// A few connections, each used by one read at a time.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    /// Names of series by number, shared by all reads.
    pub dictionary: Dictionary,
}

impl Readers {
    /// Opens `count` connections.
    pub fn open(path: &Path, count: usize) -> rusqlite::Result<Self> {
        let open = |_| connection::for_reading(path);
        let idle = (0..count).map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            idle: Mutex::new(idle),
            permits: Arc::new(Semaphore::new(count)),
            dictionary: Dictionary::default(),
        })
    }

    /// Runs `task` in one snapshot, off the async threads. A cancelled caller leaves it to run to its end.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        task: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Failure::Gone)?;
        let readers = self.clone();
        let work = move || {
            let _permit = permit;
            let mut connection = readers.take()?;
            let answer = in_snapshot(&mut connection, task);
            // Not reached after a panic: a connection in doubt is closed, and the next read opens another.
            readers.lock().push(connection);
            answer
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Failure::Panicked(error.to_string()))?
    }

    fn take(&self) -> Result<Connection, Failure> {
        let idle = self.lock().pop();
        Ok(match idle {
            Some(connection) => connection,
            None => connection::for_reading(&self.path)?,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_snapshot<T>(
    connection: &mut Connection,
    task: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    task(&snapshot)
}
