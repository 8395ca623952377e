//! The account of each tenant.

use rusqlite::{Connection, OptionalExtension, params};
use sendry_domain::{
    counting::Known,
    dead_letter::DeadLetterId,
    id::TenantId,
    ledger::{Tally, shard},
    time::UnixMillis,
};

use super::{
    super::{
        super::erasure::is_erased,
        column::id,
        failure::Failure,
        names::{Names, number},
    },
    erase,
};
use crate::LedgerView;

/// Adds to a tally.
pub fn add(transaction: &Connection, tenant: i64, shard: u8, tally: &Tally) -> Result<(), Failure> {
    let Tally {
        received,
        counted,
        duplicates,
        conflicts,
        dead_open,
        discarded,
        replayed,
        raw_refused,
        late,
    } = tally;
    let sql =
        "INSERT INTO tally (tenant, shard, received, counted, duplicates, conflicts, dead_open,
                                  discarded, replayed, raw_refused, late)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   received = received + excluded.received,
                   counted = counted + excluded.counted,
                   duplicates = duplicates + excluded.duplicates,
                   conflicts = conflicts + excluded.conflicts,
                   dead_open = dead_open + excluded.dead_open,
                   discarded = discarded + excluded.discarded,
                   replayed = replayed + excluded.replayed,
                   raw_refused = raw_refused + excluded.raw_refused,
                   late = late + excluded.late";
    transaction.prepare_cached(sql)?.execute(params![
        tenant,
        shard,
        received,
        counted,
        duplicates,
        conflicts,
        dead_open,
        discarded,
        replayed,
        raw_refused,
        late,
    ])?;
    Ok(())
}

/// All shards added up, and the floor.
pub fn view(snapshot: &Connection, tenant: &TenantId) -> Result<LedgerView, Failure> {
    let Some(no) = number(snapshot, tenant)? else {
        return Ok(LedgerView::default());
    };
    let mut statement = snapshot.prepare_cached("SELECT floor FROM tenant WHERE no = ?")?;
    let floor: Option<Option<i64>> = statement.query_row([no], |row| row.get(0)).optional()?;
    let sql = "SELECT received, counted, duplicates, conflicts, dead_open, discarded, replayed,
                      raw_refused, late
               FROM tally WHERE tenant = ?";
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([no])?;
    let mut tally = Tally::default();
    while let Some(row) = rows.next()? {
        tally.add(&Tally {
            received: row.get(0)?,
            counted: row.get(1)?,
            duplicates: row.get(2)?,
            conflicts: row.get(3)?,
            dead_open: row.get(4)?,
            discarded: row.get(5)?,
            replayed: row.get(6)?,
            raw_refused: row.get(7)?,
            late: row.get(8)?,
        });
    }
    Ok(LedgerView {
        tally,
        floor: floor.flatten().map(UnixMillis),
    })
}

/// Tallies events whose document the raw store refused, each once.
pub fn raw_refused(
    transaction: &Connection,
    names: &mut Names,
    tenant: &TenantId,
    refused: &[DeadLetterId],
) -> Result<(), Failure> {
    let no = names.of(transaction, tenant)?.no;
    let sql = "INSERT INTO raw_refused (tenant, message, position) VALUES (?, ?, ?)
               ON CONFLICT DO NOTHING";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut known = Known::default();
    erase::load(transaction, tenant, &mut known)?;
    let refused = refused.iter();
    for place in refused.filter(|r| !is_erased(&known, tenant, r.message)) {
        let new = statement.execute(params![no, id(place.message), place.position])?;
        let tally = Tally {
            raw_refused: new as i64,
            ..Tally::default()
        };
        add(transaction, no, shard(place.message), &tally)?;
    }
    Ok(())
}
