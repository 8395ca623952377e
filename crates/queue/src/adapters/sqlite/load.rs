//! Reads at open what memory has to know about the file.

use std::collections::HashMap;

use rusqlite::Connection;

use super::state::{Registry, Stored};

/// Queues and delivery counts. Everything that was in flight when the file was last used is ready again.
pub(super) fn queues(conn: &Connection, registry: &Registry) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("SELECT no, name FROM queue")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        registry.restore(row.get(0)?, &row.get::<_, String>(1)?);
    }
    let by_no: HashMap<_, _> = registry
        .all()
        .into_iter()
        .map(|queue| (queue.no, queue))
        .collect();
    let mut statement = conn.prepare(
        "SELECT m.queue, d.seq, d.count FROM delivery d JOIN message m ON m.seq = d.seq",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(queue) = by_no.get(&row.get(0)?) {
            queue.lock().restore_count(row.get(1)?, row.get(2)?);
        }
    }
    Ok(())
}

/// How much each queue holds, from the index alone; returns the next `seq` to give.
pub(super) fn contents(conn: &Connection, registry: &Registry) -> rusqlite::Result<i64> {
    let mut statement =
        conn.prepare("SELECT queue, count(*), sum(size) FROM message GROUP BY queue")?;
    let mut rows = statement.query([])?;
    let mut stored: HashMap<i64, Stored> = HashMap::new();
    while let Some(row) = rows.next()? {
        let (messages, bytes): (i64, i64) = (row.get(1)?, row.get(2)?);
        let holds = Stored {
            messages: messages as u64,
            bytes: bytes as u64,
        };
        stored.insert(row.get(0)?, holds);
    }
    let mut find = conn.prepare("SELECT 1 FROM message WHERE seq = ?1")?;
    for queue in registry.all() {
        let mut inner = queue.lock();
        inner.stored = stored.get(&queue.no).copied().unwrap_or_default();
        // Acks of a transaction that was answered as failed may stand in the file after all.
        for seq in inner.held() {
            if !find.exists([seq])? {
                inner.forget(seq);
            }
        }
    }
    conn.query_row("SELECT coalesce(max(seq), 0) + 1 FROM message", [], |row| {
        row.get(0)
    })
}
