//! Buckets as rows.
//!
//! SQL cannot add histograms, so rows are locked, added to in Rust and written back: three statements whatever their
//! number. Locks are taken in the order of the key, so that no two transactions wait for each other.
//!
//! Not partitioned: a purge is of one tenant, so it could not drop a partition, and what it deletes is one run of the key.

use std::collections::HashMap;

use sendry_domain::{
    histogram::Histogram,
    query,
    rollup::{Cell, Level},
    series::SeriesKind,
    time::UnixMillis,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::super::{
    column::{count, stored},
    database::Query,
    failure::Failure,
};

/// The columns that [`read`] reads, of `bucket AS b`.
macro_rules! columns {
    () => {
        "b.series, b.start, b.count, b.errors, b.client_errors, b.latency_sum_us, b.latency_min_us, \
         b.latency_max_us, b.bytes_in, b.bytes_out, b.histogram"
    };
}
pub(super) use columns;

/// Rows that were inserted by others between the look and the insertion are looked at again; they stay, so once is
/// enough but for a purge.
const ROUNDS: usize = 4;

/// Where a bucket stands, in the order of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The tenant's number.
    pub tenant: i32,
    /// [`Level`] as its number.
    pub level: i16,
    /// [`SeriesKind`] as its number.
    pub kind: i16,
    /// Start, in milliseconds.
    pub start: i64,
    /// The series' number.
    pub series: i32,
    /// See [`shard_of`].
    pub shard: i16,
}

impl Place {
    /// Of a series' bucket in a shard.
    pub fn new(
        tenant: i32,
        (level, kind): (Level, SeriesKind),
        start: UnixMillis,
        series: i32,
        shard: i16,
    ) -> Self {
        Self {
            tenant,
            level: level as i16,
            kind: kind as i16,
            start: start.0,
            series,
            shard,
        }
    }
}

/// The shard that a call whose first message hashes to `shard` adds a series to. Rows that every call of a tenant writes
/// stand several times, so that workers do not queue on them. On 2 cores that neither wins nor costs anything: four
/// workers that count the same endpoints queue on those.
pub fn shard_of(kind: SeriesKind, shard: u8) -> i16 {
    match kind {
        SeriesKind::Tenant | SeriesKind::Service => shard.into(),
        SeriesKind::Endpoint | SeriesKind::Status => 0,
    }
}

/// A row of the [`columns`]: the series' number and what it holds.
pub fn read(row: &PgRow) -> Result<(i64, query::Row<'_>), Failure> {
    let number = |column: usize| -> Result<u64, Failure> { Ok(count(row.try_get(column)?)) };
    let read = query::Row {
        start: UnixMillis(row.try_get(1)?),
        count: number(2)?,
        errors: number(3)?,
        client_errors: number(4)?,
        latency_sum_us: number(5)?,
        latency_min_us: number(6)?,
        latency_max_us: number(7)?,
        bytes_in: number(8)?,
        bytes_out: number(9)?,
        histogram: row.try_get(10)?,
    };
    Ok((row.try_get::<i32, _>(0)?.into(), read))
}

/// Adds cells to buckets, each place once, ascending; the first one makes its bucket.
pub async fn add_all(
    connection: &mut PgConnection,
    cells: &[(Place, Cell)],
) -> Result<(), Failure> {
    let mut open: Vec<&(Place, Cell)> = cells.iter().collect();
    for _ in 0..ROUNDS {
        if open.is_empty() {
            return Ok(());
        }
        let held = lock(connection, &open).await?;
        let (there, missing): (Vec<_>, Vec<_>) = open
            .iter()
            .zip(1i64..)
            .partition(|(_, at)| held.contains_key(at));
        let mut sums = Vec::with_capacity(there.len());
        for ((place, cell), at) in there {
            let mut sum = held[&at].clone();
            sum.merge(cell);
            sums.push((*place, sum));
        }
        update(connection, &sums).await?;
        let missing: Vec<_> = missing.into_iter().map(|(cell, _)| *cell).collect();
        open = insert(connection, missing).await?;
    }
    Err(Failure::Contended(
        "buckets come and go faster than they can be added to",
    ))
}

/// Locks the buckets that are there, by their position from 1.
async fn lock(
    connection: &mut PgConnection,
    cells: &[&(Place, Cell)],
) -> Result<HashMap<i64, Cell>, Failure> {
    let keys = Keys::of(cells.iter().map(|(place, _)| *place));
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", k.at
         FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int8[], $5::int4[], $6::int2[])
              WITH ORDINALITY AS k (tenant, level, kind, start, series, shard, at)
         JOIN bucket AS b ON b.tenant = k.tenant AND b.level = k.level AND b.kind = k.kind
              AND b.start = k.start AND b.series = k.series AND b.shard = k.shard
         ORDER BY k.at FOR UPDATE OF b"
    );
    let rows = sqlx::query(sql)
        .bind(keys.tenants)
        .bind(keys.levels)
        .bind(keys.kinds)
        .bind(keys.starts)
        .bind(keys.series)
        .bind(keys.shards)
        .fetch_all(connection)
        .await?;
    let mut held = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (_, read) = read(row)?;
        let cell = Cell {
            count: read.count,
            errors: read.errors,
            client_errors: read.client_errors,
            latency_sum_us: read.latency_sum_us,
            latency_min_us: read.latency_min_us,
            latency_max_us: read.latency_max_us,
            bytes_in: read.bytes_in,
            bytes_out: read.bytes_out,
            histogram: Histogram::decode(read.histogram)?,
        };
        held.insert(row.try_get(11)?, cell);
    }
    Ok(held)
}

/// Writes locked buckets.
async fn update(connection: &mut PgConnection, cells: &[(Place, Cell)]) -> Result<(), Failure> {
    if cells.is_empty() {
        return Ok(());
    }
    let keys = Keys::of(cells.iter().map(|(place, _)| *place));
    let values = Values::of(cells.iter().map(|(_, cell)| cell));
    let sql = "UPDATE bucket AS b SET
                   count = n.count, errors = n.errors, client_errors = n.client_errors,
                   latency_sum_us = n.latency_sum_us, latency_min_us = n.latency_min_us,
                   latency_max_us = n.latency_max_us, bytes_in = n.bytes_in, bytes_out = n.bytes_out,
                   histogram = n.histogram
               FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int8[], $5::int4[], $6::int2[], $7::int8[],
                           $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[], $13::int8[], $14::int8[],
                           $15::bytea[])
                    AS n (tenant, level, kind, start, series, shard, count, errors, client_errors, latency_sum_us,
                          latency_min_us, latency_max_us, bytes_in, bytes_out, histogram)
               WHERE b.tenant = n.tenant AND b.level = n.level AND b.kind = n.kind AND b.start = n.start
                     AND b.series = n.series AND b.shard = n.shard";
    bind(sqlx::query(sql), keys, values)
        .execute(connection)
        .await?;
    Ok(())
}

/// Inserts buckets and returns those that others inserted meanwhile.
async fn insert<'a>(
    connection: &mut PgConnection,
    cells: Vec<&'a (Place, Cell)>,
) -> Result<Vec<&'a (Place, Cell)>, Failure> {
    if cells.is_empty() {
        return Ok(cells);
    }
    let keys = Keys::of(cells.iter().map(|(place, _)| *place));
    let values = Values::of(cells.iter().map(|(_, cell)| cell));
    let sql = "INSERT INTO bucket
                   (tenant, level, kind, start, series, shard, count, errors, client_errors, latency_sum_us,
                    latency_min_us, latency_max_us, bytes_in, bytes_out, histogram)
               SELECT * FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int8[], $5::int4[], $6::int2[], $7::int8[],
                           $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[], $13::int8[], $14::int8[],
                           $15::bytea[])
               ON CONFLICT DO NOTHING RETURNING tenant, level, kind, start, series, shard";
    let rows = bind(sqlx::query(sql), keys, values)
        .fetch_all(connection)
        .await?;
    if rows.len() == cells.len() {
        return Ok(Vec::new());
    }
    let mut inserted = std::collections::HashSet::with_capacity(rows.len());
    for row in rows {
        inserted.insert(Place {
            tenant: row.try_get(0)?,
            level: row.try_get(1)?,
            kind: row.try_get(2)?,
            start: row.try_get(3)?,
            series: row.try_get(4)?,
            shard: row.try_get(5)?,
        });
    }
    let left = cells.into_iter();
    Ok(left
        .filter(|(place, _)| !inserted.contains(place))
        .collect())
}

fn bind(query: Query, keys: Keys, values: Values) -> Query {
    let query = query
        .bind(keys.tenants)
        .bind(keys.levels)
        .bind(keys.kinds)
        .bind(keys.starts)
        .bind(keys.series)
        .bind(keys.shards);
    let [
        counts,
        errors,
        client_errors,
        sums,
        least,
        most,
        bytes_in,
        bytes_out,
    ] = values.numbers;
    query
        .bind(counts)
        .bind(errors)
        .bind(client_errors)
        .bind(sums)
        .bind(least)
        .bind(most)
        .bind(bytes_in)
        .bind(bytes_out)
        .bind(values.histograms)
}

/// Places as columns.
#[derive(Default)]
struct Keys {
    tenants: Vec<i32>,
    levels: Vec<i16>,
    kinds: Vec<i16>,
    starts: Vec<i64>,
    series: Vec<i32>,
    shards: Vec<i16>,
}

impl Keys {
    fn of(places: impl Iterator<Item = Place>) -> Self {
        let mut keys = Self::default();
        for place in places {
            keys.tenants.push(place.tenant);
            keys.levels.push(place.level);
            keys.kinds.push(place.kind);
            keys.starts.push(place.start);
            keys.series.push(place.series);
            keys.shards.push(place.shard);
        }
        keys
    }
}

/// Cells as columns.
#[derive(Default)]
struct Values {
    /// In the order of the table.
    numbers: [Vec<i64>; 8],
    histograms: Vec<Vec<u8>>,
}

impl Values {
    fn of<'a>(cells: impl Iterator<Item = &'a Cell>) -> Self {
        let mut values = Self::default();
        for cell in cells {
            let row = [
                cell.count,
                cell.errors,
                cell.client_errors,
                cell.latency_sum_us,
                cell.latency_min_us,
                cell.latency_max_us,
                cell.bytes_in,
                cell.bytes_out,
            ];
            for (column, number) in values.numbers.iter_mut().zip(row) {
                column.push(stored(number));
            }
            values.histograms.push(cell.histogram.encode());
        }
        values
    }
}

/// Puts cells where no bucket is, each place once, ascending.
pub async fn put_all(
    connection: &mut PgConnection,
    cells: &[(Place, Cell)],
) -> Result<(), Failure> {
    let cells: Vec<_> = cells.iter().collect();
    let taken = insert(connection, cells).await?;
    if taken.is_empty() {
        return Ok(());
    }
    Err(Failure::Contended(
        "derived buckets were written twice at once",
    ))
}
