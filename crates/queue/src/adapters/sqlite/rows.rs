//! Reading messages, on connections of their own: readers never wait for the writer, nor it for them.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension};
use sendry_domain::{id::MessageId, time::UnixMillis};
use uuid::Uuid;

use super::{schema, state::Plan};

/// Connections kept for the next reader.
const IDLE: usize = 4;
/// Bodies read at once, so that few large messages do not fill the memory.
const READ_BYTES: usize = 8 << 20;

/// A message as stored; its queue is known to the reader.
#[derive(Debug)]
pub(super) struct Row {
    pub seq: i64,
    pub id: MessageId,
    pub events: u32,
    pub accepted_at: UnixMillis,
    pub body: Vec<u8>,
}

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
        }
    }

    /// The messages of `plan`, up to `max_events`, but at least one if there is one.
    pub fn read(&self, queue: i64, plan: &Plan, max_events: u32) -> rusqlite::Result<Vec<Row>> {
        self.with(|conn| match plan {
            Plan::Again(seqs) => read_again(conn, seqs, max_events),
            Plan::After { cursor, alone } => {
                let rows = read_after(conn, queue, *cursor, *alone, max_events)?;
                match alone {
                    Some(seq) if rows.is_empty() => read_again(conn, &[*seq], max_events),
                    _ => Ok(rows),
                }
            }
        })
    }

    /// When the message that was stored first was accepted.
    pub fn oldest(&self, queue: i64) -> rusqlite::Result<Option<UnixMillis>> {
        const SQL: &str = "SELECT accepted_ms FROM message WHERE queue = ?1 ORDER BY seq LIMIT 1";
        self.with(|conn| {
            let mut statement = conn.prepare_cached(SQL)?;
            statement.query_row([queue], |row| row.get(0)).optional()
        })
        .map(|millis| millis.map(UnixMillis))
    }

    /// Closes what is idle.
    pub fn close(&self) {
        self.lock().clear();
    }

    fn with<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.lock().pop();
        let conn = idle.map_or_else(|| schema::open_reader(&self.path), Ok)?;
        let answer = ask(&conn)?;
        let mut idle = self.lock();
        if idle.len() < IDLE {
            idle.push(conn);
        }
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_after(
    conn: &Connection,
    queue: i64,
    cursor: i64,
    before: Option<i64>,
    max_events: u32,
) -> rusqlite::Result<Vec<Row>> {
    const SQL: &str = "SELECT seq, id, events, accepted_ms, body FROM message
        WHERE queue = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq";
    let mut statement = conn.prepare_cached(SQL)?;
    let mut found = statement.query((queue, cursor, before.unwrap_or(i64::MAX)))?;
    let mut batch = Batch::new(max_events);
    while let Some(row) = found.next()? {
        if !batch.takes(row)? {
            break;
        }
    }
    Ok(batch.rows)
}

fn read_again(conn: &Connection, seqs: &[i64], max_events: u32) -> rusqlite::Result<Vec<Row>> {
    const SQL: &str = "SELECT seq, id, events, accepted_ms, body FROM message WHERE seq = ?1";
    let mut statement = conn.prepare_cached(SQL)?;
    let mut batch = Batch::new(max_events);
    for seq in seqs {
        let mut found = statement.query([seq])?;
        if let Some(row) = found.next()?
            && !batch.takes(row)?
        {
            break;
        }
    }
    Ok(batch.rows)
}

/// What one consumer takes at once.
struct Batch {
    rows: Vec<Row>,
    events_left: u64,
    bytes: usize,
}

impl Batch {
    fn new(max_events: u32) -> Self {
        Self {
            rows: Vec::new(),
            events_left: max_events.into(),
            bytes: 0,
        }
    }

    /// Adds a row, or says that it is one too many. A message without events counts as one, so that a batch ends.
    fn takes(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
        let events: u32 = row.get(2)?;
        let weight = u64::from(events.max(1));
        if !self.rows.is_empty() && (weight > self.events_left || self.bytes >= READ_BYTES) {
            return Ok(false);
        }
        let body: Vec<u8> = row.get(4)?;
        self.events_left = self.events_left.saturating_sub(weight);
        self.bytes += body.len();
        self.rows.push(Row {
            seq: row.get(0)?,
            id: MessageId(Uuid::from_bytes(row.get(1)?)),
            events,
            accepted_at: UnixMillis(row.get(3)?),
            body,
        });
        Ok(true)
    }
}
