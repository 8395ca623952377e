//! Dropping what is past its retention, a few thousand rows a transaction, so that counting waits for milliseconds.

use rusqlite::{Connection, OptionalExtension, Params, params};
use sendry_domain::{
    id::TenantId,
    ledger::{OldestHead, next_floor},
    rollup::Level,
    series::SeriesKind,
    time::UnixMillis,
    window::Window,
};

use super::super::{
    super::retention::{Ledger, Step, steps},
    column::{count, scope},
    failure::Failure,
    names::Names,
    writer::Writer,
};

/// Rows a transaction.
const CHUNK: usize = 5_000;

/// Moves the tenant's floor and drops what may leave. Returns how many rows.
pub async fn purge(
    writer: &Writer,
    tenant: &TenantId,
    at: UnixMillis,
    window: Window,
    head: OldestHead,
) -> Result<u64, Failure> {
    let name = tenant.clone();
    let moved = writer.transact(move |t, names| move_floor(t, names, &name, at, window, head));
    let (tenant, floor) = moved.await?;
    let mut dropped = 0;
    for step in steps(at, floor) {
        loop {
            let rows = writer.transact(move |t, _| run(step, t, tenant)).await?;
            dropped += rows;
            if rows < CHUNK as u64 {
                break;
            }
        }
    }
    Ok(dropped)
}

/// The tenant's number and floor as of now; no floor as long as nothing allows one.
fn move_floor(
    transaction: &Connection,
    names: &mut Names,
    tenant: &TenantId,
    at: UnixMillis,
    window: Window,
    head: OldestHead,
) -> Result<(i64, Option<UnixMillis>), Failure> {
    let no = names.of(transaction, tenant)?.no;
    let mut statement = transaction.prepare_cached("SELECT floor FROM tenant WHERE no = ?")?;
    let stored: Option<i64> = statement.query_row([no], |row| row.get(0))?;
    let none = UnixMillis(i64::MIN);
    let held = stored.map_or(none, UnixMillis);
    let floor = next_floor(held, at, window, head);
    if floor != held {
        let sql = "UPDATE tenant SET floor = ? WHERE no = ?";
        let mut statement = transaction.prepare_cached(sql)?;
        statement.execute(params![floor.0, no])?;
    }
    Ok((no, (floor != none).then_some(floor)))
}

/// Drops at most [`CHUNK`] rows.
fn run(step: Step, transaction: &Connection, tenant: i64) -> Result<u64, Failure> {
    match step {
        Step::Buckets(level, kind, before) => buckets(transaction, tenant, level, kind, before),
        Step::Ledger(ledger, of, before) => {
            let sql = match ledger {
                Ledger::Messages => {
                    "DELETE FROM ledger_message WHERE id IN
                     (SELECT id FROM ledger_message
                      WHERE tenant = ? AND scope = ? AND last < ? LIMIT ?)"
                }
                Ledger::Sources => {
                    "DELETE FROM ledger_source WHERE (tenant, source) IN
                     (SELECT tenant, source FROM ledger_source
                      WHERE tenant = ? AND scope = ? AND last < ? LIMIT ?)"
                }
                Ledger::Events => {
                    "DELETE FROM ledger_event WHERE key IN
                     (SELECT key FROM ledger_event
                      WHERE tenant = ? AND scope = ? AND last < ? LIMIT ?)"
                }
            };
            let range = params![tenant, scope(of), before.0, CHUNK as i64];
            delete(transaction, sql, range)
        }
        Step::DeadLetters(before) => {
            // One whose raw event is still owed is not finished.
            let sql = "DELETE FROM dead_letter WHERE rowid IN
                       (SELECT rowid FROM dead_letter
                        WHERE tenant = ? AND settled_at < ? AND NOT raw_owed LIMIT ?)";
            delete(transaction, sql, params![tenant, before.0, CHUNK as i64])
        }
        Step::Refusals => {
            // Nobody can refuse the document of a message that is forgotten, but a letter may still owe one.
            let sql = "DELETE FROM raw_refused AS r WHERE tenant = ?
                       AND NOT EXISTS (SELECT 1 FROM ledger_message WHERE id = r.message)
                       AND NOT EXISTS (SELECT 1 FROM dead_letter AS d
                                       WHERE d.tenant = r.tenant AND d.message = r.message
                                       AND d.position = r.position AND d.raw_owed)";
            delete(transaction, sql, [tenant]).map(|_| 0)
        }
    }
}

/// Drops the first [`CHUNK`] buckets of a kind that start before a moment: one run of rows.
fn buckets(
    transaction: &Connection,
    tenant: i64,
    level: Level,
    kind: SeriesKind,
    before: UnixMillis,
) -> Result<u64, Failure> {
    let (level, kind) = (level as u8, kind as u8);
    let sql = "SELECT start, series FROM bucket
               WHERE tenant = ? AND level = ? AND kind = ? AND start < ?
               ORDER BY start, series LIMIT 1 OFFSET ?";
    let mut statement = transaction.prepare_cached(sql)?;
    let range = params![tenant, level, kind, before.0, CHUNK as i64];
    let end = statement.query_row(range, |row| Ok((row.get(0)?, row.get(1)?)));
    let (start, series): (i64, i64) = end.optional()?.unwrap_or((before.0, i64::MIN));
    let sql = "DELETE FROM bucket
               WHERE tenant = ? AND level = ? AND kind = ? AND (start, series) < (?, ?)";
    delete(
        transaction,
        sql,
        params![tenant, level, kind, start, series],
    )
}

fn delete(transaction: &Connection, sql: &str, range: impl Params) -> Result<u64, Failure> {
    let rows = transaction.prepare_cached(sql)?.execute(range)?;
    Ok(count(rows as i64))
}
