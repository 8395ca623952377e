//! Keeps the write-ahead log short without making publishes wait for it.
//!
//! A thread of its own copies the log's pages into the file while the writer goes on (PASSIVE: it blocks nobody). Under
//! load that never reaches the end of the log, and only a log that is copied to its end may start over. So when the log
//! has grown and a pass has just copied most of it, the writer copies the rest between two groups and lets it start over
//! (RESTART). The file of the log is used again, not cut: a sync of a file that does not grow is cheaper.

use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use super::schema;

/// A pass starts when so many pages wait to be copied: 4 MiB.
const PASS_AT: i64 = 1_000;
/// The log may start over from here, if little is left to copy: 32 MiB.
const RESTART_AT: i64 = 8_000;
/// What is little: 4 MiB, a few milliseconds.
const LITTLE: i64 = 1_000;
/// The log starts over here whatever is left, after the pass under way: 64 MiB.
const RESTART_BY: i64 = 16_000;

#[derive(Default)]
struct Wish {
    pass: bool,
    end: bool,
}

pub(super) struct LogKeeper {
    path: PathBuf,
    wish: Mutex<Wish>,
    wake: Condvar,
    /// Held during a pass: SQLite allows one checkpoint at a time.
    pass: Mutex<()>,
}

impl LogKeeper {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            wish: Mutex::default(),
            wake: Condvar::new(),
            pass: Mutex::new(()),
        }
    }

    /// For the writer, after each group.
    pub fn after_commit(&self, conn: &Connection) {
        if let Err(error) = self.look(conn) {
            tracing::warn!(%error, "write-ahead log of the queue file was not looked after");
        }
    }

    fn look(&self, conn: &Connection) -> rusqlite::Result<()> {
        let (pages, copied) = checkpoint(conn, "PRAGMA wal_checkpoint(NOOP)")?;
        let left = pages - copied;
        if left >= PASS_AT {
            self.wish().pass = true;
            self.wake.notify_one();
        }
        let turn = if pages >= RESTART_BY {
            Some(self.pass.lock().unwrap_or_else(PoisonError::into_inner))
        } else if pages >= RESTART_AT && left <= LITTLE {
            self.pass.try_lock().ok()
        } else {
            None
        };
        if turn.is_some() {
            checkpoint(conn, "PRAGMA wal_checkpoint(RESTART)")?;
        }
        Ok(())
    }

    /// The thread that copies, until [`Self::end`].
    pub fn run(&self) {
        let mut conn = None;
        while self.wait() {
            let _turn = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = self.copy(&mut conn) {
                tracing::warn!(%error, "write-ahead log of the queue file was not copied");
                conn = None;
            }
        }
    }

    pub fn end(&self) {
        self.wish().end = true;
        self.wake.notify_one();
    }

    fn copy(&self, conn: &mut Option<Connection>) -> rusqlite::Result<()> {
        let conn = match conn {
            Some(conn) => conn,
            None => conn.insert(schema::open_copier(&self.path)?),
        };
        checkpoint(conn, "PRAGMA wal_checkpoint(PASSIVE)")?;
        Ok(())
    }

    /// Waits for a wish; `false` at the end.
    fn wait(&self) -> bool {
        let mut wish = self.wish();
        while !wish.pass && !wish.end {
            wish = self.wake.wait(wish).unwrap_or_else(PoisonError::into_inner);
        }
        wish.pass = false;
        !wish.end
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pages in the log, and how many of them are in the file too.
fn checkpoint(conn: &Connection, pragma: &str) -> rusqlite::Result<(i64, i64)> {
    conn.prepare_cached(pragma)?
        .query_row([], |row| Ok((row.get(1)?, row.get(2)?)))
}
