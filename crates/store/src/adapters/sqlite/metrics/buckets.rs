//! Buckets as rows.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params, types::ValueRef};
use sendry_domain::{
    histogram::Histogram,
    query,
    rollup::{BucketKey, Cell, Level},
    series::SeriesKind,
    time::UnixMillis,
};

use super::super::{
    failure::Failure,
    names::TenantNames,
    text::{count, stored},
};

/// The columns that [`read`] reads, from `series` on.
macro_rules! columns {
    () => {
        "series, start, count, errors, client_errors, latency_sum_us, latency_min_us, \
         latency_max_us, bytes_in, bytes_out, histogram"
    };
}
pub(super) use columns;

/// A row of the [`columns`]: the series' number and what it holds.
pub fn read<'a>(row: &'a Row<'_>) -> Result<(i64, query::Row<'a>), Failure> {
    let integer = |column| match row.get_ref(column)? {
        ValueRef::Integer(value) => Ok(value),
        other => Err(Failure::damaged(format!(
            "column {column} of a bucket is {}",
            other.data_type()
        ))),
    };
    let histogram = match row.get_ref(10)? {
        ValueRef::Blob(bytes) => bytes,
        other => {
            let what = format!("a bucket's histogram is {}", other.data_type());
            return Err(Failure::damaged(what));
        }
    };
    let read = query::Row {
        start: UnixMillis(integer(1)?),
        count: count(integer(2)?),
        errors: count(integer(3)?),
        client_errors: count(integer(4)?),
        latency_sum_us: count(integer(5)?),
        latency_min_us: count(integer(6)?),
        latency_max_us: count(integer(7)?),
        bytes_in: count(integer(8)?),
        bytes_out: count(integer(9)?),
        histogram,
    };
    Ok((integer(0)?, read))
}

/// Adds cells to a tenant's buckets, in the order of their keys.
pub fn add(
    transaction: &Connection,
    names: &mut TenantNames,
    cells: &BTreeMap<BucketKey, Cell>,
) -> Result<(), Failure> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM bucket WHERE tenant = ? AND level = ? AND kind = ? AND start = ? AND series = ?"
    );
    let mut select = transaction.prepare_cached(sql)?;
    let sql = "UPDATE bucket SET count = ?6, errors = ?7, client_errors = ?8, latency_sum_us = ?9,
                   latency_min_us = ?10, latency_max_us = ?11, bytes_in = ?12, bytes_out = ?13,
                   histogram = ?14
               WHERE tenant = ?1 AND level = ?2 AND kind = ?3 AND start = ?4 AND series = ?5";
    let mut update = transaction.prepare_cached(sql)?;
    for (key, cell) in cells {
        let no = names.series(transaction, key.kind, &key.series)?;
        let place = Place {
            tenant: names.no,
            level: key.level,
            kind: key.kind,
            start: key.start,
            series: no,
        };
        let mut rows = select.query(params![
            place.tenant,
            place.level as u8,
            place.kind as u8,
            place.start.0,
            no
        ])?;
        let Some(row) = rows.next()? else {
            drop(rows);
            insert(transaction, &place, cell)?;
            continue;
        };
        let (_, held) = read(row)?;
        let merged = merge(&held, cell)?;
        drop(rows);
        update.execute(params![
            place.tenant,
            place.level as u8,
            place.kind as u8,
            place.start.0,
            no,
            stored(merged.count),
            stored(merged.errors),
            stored(merged.client_errors),
            stored(merged.latency_sum_us),
            stored(merged.latency_min_us),
            stored(merged.latency_max_us),
            stored(merged.bytes_in),
            stored(merged.bytes_out),
            merged.histogram.encode(),
        ])?;
    }
    Ok(())
}

/// Where a bucket stands.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The tenant's number.
    pub tenant: i64,
    /// Width.
    pub level: Level,
    /// Kind of series.
    pub kind: SeriesKind,
    /// Start.
    pub start: UnixMillis,
    /// The series' number.
    pub series: i64,
}

/// Writes a bucket that is not there yet.
pub fn insert(transaction: &Connection, place: &Place, cell: &Cell) -> Result<(), Failure> {
    let sql = concat!(
        "INSERT INTO bucket (tenant, level, kind, ",
        columns!(),
        ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    transaction.prepare_cached(sql)?.execute(params![
        place.tenant,
        place.level as u8,
        place.kind as u8,
        place.series,
        place.start.0,
        stored(cell.count),
        stored(cell.errors),
        stored(cell.client_errors),
        stored(cell.latency_sum_us),
        stored(cell.latency_min_us),
        stored(cell.latency_max_us),
        stored(cell.bytes_in),
        stored(cell.bytes_out),
        cell.histogram.encode(),
    ])?;
    Ok(())
}

/// A stored bucket and a new cell, added.
fn merge(held: &query::Row<'_>, new: &Cell) -> Result<Cell, Failure> {
    let mut merged = new.clone();
    add_row(&mut merged, held);
    merged.histogram.merge(&Histogram::decode(held.histogram)?);
    Ok(merged)
}

/// Adds everything but the histogram. Sums stay at the largest integer.
pub fn add_row(cell: &mut Cell, row: &query::Row<'_>) {
    let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
    add(&mut cell.count, row.count);
    add(&mut cell.errors, row.errors);
    add(&mut cell.client_errors, row.client_errors);
    add(&mut cell.latency_sum_us, row.latency_sum_us);
    cell.latency_min_us = cell.latency_min_us.min(row.latency_min_us);
    cell.latency_max_us = cell.latency_max_us.max(row.latency_max_us);
    add(&mut cell.bytes_in, row.bytes_in);
    add(&mut cell.bytes_out, row.bytes_out);
}
