//! Connections to the file, and the file's form.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{Options, error::OpenError};

/// Steps from one form to the next; the form is the number of steps taken, kept in `PRAGMA user_version`.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_queue.sql")];

/// Bytes a page. Small, because an idle publish writes two or three pages whatever their size.
pub(super) const PAGE: u64 = 4_096;

/// Past this many free bytes, and with three quarters of the file free, opening gives them back to the disk.
const COMPACT_AT: u64 = 64 << 20;

/// The log is cut back to this when it starts over after having grown larger.
const WAL_KEPT: u64 = 64 << 20;

/// The writer's cache in KiB: the pages of one transaction, so that none is written before COMMIT.
const WRITER_CACHE_KIB: i64 = 12 << 10;

/// Opens the file, creating it where absent, and brings it to the current form.
pub(super) fn open(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let failed = |doing| {
        move |source| OpenError::Sqlite {
            doing,
            path: path.to_owned(),
            source,
        }
    };
    let mut conn = Connection::open(path).map_err(failed("open"))?;
    let known = MIGRATIONS.len() as i64;
    let found: i64 = conn
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(failed("read"))?;
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    configure(&conn, options).map_err(failed("configure"))?;
    migrate(&mut conn, found).map_err(failed("migrate"))?;
    if let Err(error) = compact(&conn) {
        tracing::warn!(%error, "queue file was not compacted, its free pages stay");
    }
    Ok(conn)
}

/// Opens a file that is known to be of the current form, for the writer to go on with after an error. Never makes a new
/// one: an empty queue in the place of a lost one would look like success.
pub(super) fn reopen(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    configure(&conn, options)?;
    Ok(conn)
}

/// Opens it for reading only.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(std::time::Duration::from_secs(2))?;
    Ok(conn)
}

/// Opens it for copying the log into it.
pub(super) fn open_copier(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(conn)
}

fn configure(conn: &Connection, options: &Options) -> rusqlite::Result<()> {
    conn.busy_timeout(std::time::Duration::from_millis(200))?;
    conn.pragma_update(None, "page_size", PAGE as i64)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: COMMIT returns after the log is synced. NORMAL would lose the last commits at a power loss.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints are the matter of `checkpoint`, never of the commit that happens to cross a threshold.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", WAL_KEPT as i64)?;
    conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    if let Some(bytes) = options.max_file_bytes {
        conn.pragma_update(None, "max_page_count", (bytes / PAGE) as i64)?;
    }
    Ok(())
}

fn migrate(conn: &mut Connection, found: i64) -> rusqlite::Result<()> {
    for (step, sql) in (1i64..).zip(MIGRATIONS).skip(found.max(0) as usize) {
        let transaction = conn.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Pages freed by acks are used again but never leave the file by themselves. After a long outage was worked off, the
/// next start gives the disk back.
fn compact(conn: &Connection) -> rusqlite::Result<()> {
    let ask = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let (pages, free) = (ask("PRAGMA page_count")?, ask("PRAGMA freelist_count")?);
    if (free as u64) * PAGE < COMPACT_AT || free * 4 < pages * 3 {
        return Ok(());
    }
    conn.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
}
