//! Rows that say what was counted.

use rusqlite::{Connection, OptionalExtension, params};
use sendry_domain::{
    bitmap::Bitmap,
    counting::{EventRow, Known, Lookups, MessageRow, SourceRow, Verdict},
    fingerprint::Fingerprint,
    time::UnixMillis,
};

use super::{
    super::{
        column::{id, read_scope, scope},
        failure::Failure,
        names::Names,
    },
    erase,
};

/// Loads the rows that could know the events to be judged.
pub fn load(
    transaction: &Connection,
    names: &mut Names,
    lookups: &Lookups,
) -> Result<Known, Failure> {
    let mut known = Known::default();
    let mut floor = transaction.prepare_cached("SELECT floor FROM tenant WHERE no = ?")?;
    for tenant in &lookups.tenants {
        let no = names.of(transaction, tenant)?.no;
        let stored: Option<i64> = floor.query_row([no], |row| row.get(0))?;
        if let Some(stored) = stored {
            known.floors.insert(tenant.clone(), UnixMillis(stored));
        }
        erase::load(transaction, tenant, &mut known)?;
    }
    let mut message = transaction.prepare_cached("SELECT won FROM ledger_message WHERE id = ?")?;
    for id_ in &lookups.messages {
        let won = message.query_row([id(*id_)], |row| row.get(0)).optional()?;
        if let Some(won) = won {
            known.messages.insert(*id_, Bitmap::from_bytes(won));
        }
    }
    let sql = "SELECT seen, fingerprint, last, scope FROM ledger_source
               WHERE tenant = ? AND source = ?";
    let mut source = transaction.prepare_cached(sql)?;
    for key in &lookups.sources {
        let no = names.of(transaction, &key.0)?.no;
        let mut rows = source.query(params![no, key.1.into_bytes()])?;
        if let Some(row) = rows.next()? {
            let seen = SourceRow {
                seen: Bitmap::from_bytes(row.get(0)?),
                fingerprint: row.get::<_, Option<_>>(1)?.map(Fingerprint),
                // The row's whole age: it may only grow, and is written back into the same column.
                newest_event: UnixMillis(row.get(2)?),
                scope: read_scope(row.get(3)?)?,
            };
            known.sources.insert(key.clone(), seen);
        }
    }
    let mut event = transaction.prepare_cached("SELECT content FROM ledger_event WHERE key = ?")?;
    for key in lookups.events.keys() {
        let content = event.query_row([key], |row| row.get::<_, Option<_>>(0));
        if let Some(content) = content.optional()? {
            known.events.insert(*key, content.map(Fingerprint));
        }
    }
    Ok(known)
}

/// Writes the verdict's rows, counted at `at`.
pub fn write(
    transaction: &Connection,
    names: &mut Names,
    verdict: &Verdict,
    at: UnixMillis,
) -> Result<(), Failure> {
    let sql = "INSERT INTO ledger_message (id, tenant, won, scope, last) VALUES (?, ?, ?, ?, ?)";
    let mut message = transaction.prepare_cached(sql)?;
    for (message_id, row) in &verdict.messages {
        let MessageRow {
            tenant,
            won,
            newest_event,
            scope: of,
        } = row;
        let no = names.of(transaction, tenant)?.no;
        let last = at.max(*newest_event).0;
        message.execute(params![
            id(*message_id),
            no,
            won.as_bytes(),
            scope(*of),
            last
        ])?;
    }
    let sql = "INSERT INTO ledger_source (tenant, source, seen, fingerprint, scope, last)
               VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE
               SET seen = excluded.seen, fingerprint = excluded.fingerprint, last = excluded.last";
    let mut source = transaction.prepare_cached(sql)?;
    for ((tenant, source_id), row) in &verdict.sources {
        let SourceRow {
            seen,
            fingerprint,
            newest_event,
            scope: of,
        } = row;
        let no = names.of(transaction, tenant)?.no;
        source.execute(params![
            no,
            source_id.into_bytes(),
            seen.as_bytes(),
            fingerprint.map(|f| f.0),
            scope(*of),
            at.max(*newest_event).0,
        ])?;
    }
    let sql = "INSERT INTO ledger_event (key, tenant, content, scope, last) VALUES (?, ?, ?, ?, ?)";
    let mut event = transaction.prepare_cached(sql)?;
    for (key, row) in &verdict.events {
        let EventRow {
            tenant,
            content,
            event_time,
            scope: of,
        } = row;
        let no = names.of(transaction, tenant)?.no;
        let content = content.map(|f| f.0);
        event.execute(params![key, no, content, scope(*of), at.max(*event_time).0])?;
    }
    Ok(())
}
