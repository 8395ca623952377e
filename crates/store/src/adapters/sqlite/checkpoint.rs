//! Folding the write-ahead log back into the file, away from the writer's path.
//!
//! A passive checkpoint on a connection of its own copies pages while the writer goes on. It can never finish under
//! constant load, because new pages arrive meanwhile, and the log starts again at its beginning only when all of it is
//! folded back. So past 64 MiB the writer itself does the small rest and restarts the log.

use std::{
    cell::Cell,
    path::Path,
    sync::mpsc::{self, SyncSender},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, hooks::Wal};

use super::{
    connection::{self, WAL_PAGES},
    migrate::OpenError,
};

/// Pages of new log after which the helper is woken: 8 MiB.
const STEP: u32 = WAL_PAGES / 8;
/// How long the writer's own checkpoint waits for reads of old snapshots; it tries again a step later.
const PATIENCE: Duration = Duration::from_millis(100);

thread_local! {
    /// Pages in the log after this thread's last commit. SQLite's hook is a plain function and can reach nothing else.
    static LOGGED: Cell<u32> = const { Cell::new(0) };
}

/// Owned by the writer's thread: decides after each commit who folds what.
#[derive(Debug)]
pub struct Checkpoints {
    wake: Option<SyncSender<()>>,
    helper: Option<JoinHandle<()>>,
    wake_at: u32,
    restart_at: u32,
}

impl Checkpoints {
    /// Starts the helper.
    pub fn start(path: &Path) -> Result<Self, OpenError> {
        let connection = connection::for_checkpoints(path).map_err(|source| OpenError::Open {
            path: path.to_owned(),
            source,
        })?;
        // Room for one: a helper that is busy is woken once more, however often it was called meanwhile.
        let (wake, calls) = mpsc::sync_channel::<()>(1);
        let help = move || {
            for () in calls {
                fold(&connection, "PASSIVE");
            }
        };
        let helper = thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(help)
            .map_err(OpenError::Thread)?;
        Ok(Self {
            wake: Some(wake),
            helper: Some(helper),
            wake_at: STEP,
            restart_at: WAL_PAGES,
        })
    }

    /// Lets SQLite tell this thread how long the log is. Takes the place of its own automatic checkpoint.
    pub fn watch(connection: &Connection) {
        connection.wal_hook(Some(|_: &Wal, pages| {
            LOGGED.set(pages.unsigned_abs());
            Ok(())
        }));
    }

    /// To be called by the writer between transactions.
    pub fn after_commit(&mut self, connection: &Connection) {
        let logged = LOGGED.get();
        if logged + STEP < self.wake_at {
            // The log has started again.
            (self.wake_at, self.restart_at) = (STEP, WAL_PAGES);
        }
        if logged >= self.restart_at {
            self.restart_at = logged + STEP;
            let patience = connection.busy_timeout(PATIENCE);
            fold(connection, "RESTART");
            let restored = connection.busy_timeout(connection::BUSY);
            if let Err(error) = patience.and(restored) {
                tracing::warn!(%error, "failed to set the store's lock time-out");
            }
        } else if logged >= self.wake_at {
            self.wake_at = logged + STEP;
            if let Some(wake) = &self.wake {
                // Full means that the helper will look again anyway.
                let _ = wake.try_send(());
            }
        }
    }

    /// Ends the helper, then empties the log: what remains is one file.
    pub fn finish(mut self, connection: &Connection) {
        self.wake = None;
        if let Some(helper) = self.helper.take() {
            let _ = helper.join();
        }
        fold(connection, "TRUNCATE");
    }
}

/// A checkpoint. That it could not fold everything (a read holds an old snapshot) is no failure: the next one will.
fn fold(connection: &Connection, mode: &str) {
    let pragma = format!("PRAGMA wal_checkpoint({mode})");
    if let Err(error) = connection.query_row(&pragma, [], |_| Ok(())) {
        tracing::warn!(%error, mode, "failed to fold the store's log back into its file");
    }
}
