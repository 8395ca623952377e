//! Connections and their settings.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Result};

use super::metrics;

/// Bytes of a page in new files: a row with a histogram fits many times, and a scan reads fewer pages.
pub const PAGE_BYTES: u32 = 8 * 1024;
/// Pages the log may hold before the writer itself folds it back: 64 MiB.
pub const WAL_PAGES: u32 = 64 * 1024 * 1024 / PAGE_BYTES;
/// How long a statement waits for a lock. Only checkpoints and foreign tools ever hold one.
pub const BUSY: Duration = Duration::from_secs(5);
/// Statements kept prepared a connection; the writer uses about 60.
const STATEMENTS: usize = 96;

/// Settings of the connection that writes.
pub fn prepare_writer(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY)?;
    // Before WAL, which fixes the page size.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // FULL: every commit is on stable storage before it is confirmed.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // KiB, negative by SQLite's convention.
    connection.pragma_update(None, "cache_size", -24 * 1024)?;
    // A log that a long read made larger shrinks again when it restarts.
    let limit = WAL_PAGES * PAGE_BYTES;
    connection.pragma_update_and_check(None, "journal_size_limit", limit, |_| Ok(()))?;
    metrics::register_functions(connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// A connection that reads snapshots.
pub fn for_reading(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -2 * 1024)?;
    // Scans read pages in place instead of copying each through `read`.
    let bytes = 1024 * 1024 * 1024;
    connection.pragma_update_and_check(None, "mmap_size", bytes, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// A connection that only folds the log back.
pub fn for_checkpoints(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    Ok(connection)
}
