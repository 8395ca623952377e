//! Fills a store with the buckets that a large tenant would have: 1,000 endpoints in 10 services.
//!
//! Written straight into the file: counting the events these buckets stand for would take days. Hours stand for the
//! last 40 days, minutes for the last 2 hours, days and months for 25 months: all that the questions read.

use std::path::Path;

use rusqlite::{Connection, params};
use sendry_domain::{
    histogram::Histogram,
    rollup::Level,
    series::SeriesKind,
    time::{DAY, HOUR, UnixMillis},
};
use sendry_store::adapters::sqlite::SqliteStore;

const SERVICES: i64 = 10;
const ENDPOINTS: i64 = 1_000;
const STATUSES: [u16; 5] = [200, 201, 304, 404, 500];
/// Requests and non-empty histogram buckets of a stored bucket, before scaling.
const COUNT: u64 = 24;

pub async fn fill(file: &Path, scale: u64) -> anyhow::Result<()> {
    // Makes the schema, then lets go of the file.
    drop(SqliteStore::open(file, Default::default())?);
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || write(&file, scale)).await?
}

fn write(file: &Path, scale: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(file)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let tx = connection.transaction()?;
    tx.execute("INSERT INTO tenant (no, name) VALUES (1, 'default')", [])?;
    let mut series: Vec<(SeriesKind, i64)> = Vec::new();
    let mut no = 0;
    let mut name =
        |kind: SeriesKind, service: Option<i64>, endpoint: Option<i64>, status: Option<u16>| {
            no += 1;
            series.push((kind, no));
            tx.execute(
                "INSERT INTO series VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    no,
                    kind as u8,
                    service.map(|s| format!("service-{s}")),
                    service.map(|_| "production"),
                    endpoint.map(|e| format!("/resource-{e}/:id")),
                    endpoint.map(|e| ["GET", "POST"][e as usize % 2]),
                    status
                ],
            )
        };
    for status in STATUSES {
        name(SeriesKind::Tenant, None, None, Some(status))?;
        for service in 0..SERVICES {
            name(SeriesKind::Service, Some(service), None, Some(status))?;
        }
    }
    for endpoint in 0..ENDPOINTS {
        name(
            SeriesKind::Endpoint,
            Some(endpoint % SERVICES),
            Some(endpoint),
            None,
        )?;
    }
    let now = UnixMillis(now());
    for (level, back) in [
        (Level::Minute, 2 * HOUR),
        (Level::Hour, 40 * DAY),
        (Level::Day, 25 * 31 * DAY),
        (Level::Month, 25 * 31 * DAY),
    ] {
        let mut start = level.floor(now.plus(-back));
        while start <= now {
            for (kind, no) in &series {
                put(&tx, level, *kind, start, *no, scale)?;
            }
            start = level.next(start);
        }
    }
    tx.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); ANALYZE")?;
    Ok(())
}

fn put(
    tx: &rusqlite::Transaction<'_>,
    level: Level,
    kind: SeriesKind,
    start: UnixMillis,
    no: i64,
    scale: u64,
) -> rusqlite::Result<()> {
    // Cheap variety: every series and bucket has another distribution.
    let seed = (no as u64)
        .wrapping_mul(7_919)
        .wrapping_add((start.0 / HOUR) as u64);
    let mut histogram = Histogram::default();
    for n in 0..COUNT {
        histogram.record(400 + (seed % 97) * 40 + n * n * 900);
    }
    let mut scaled = Histogram::default();
    // Doubling adds up to any scale in a few merges.
    let (mut rest, mut doubled) = (scale, histogram);
    while rest > 0 {
        if rest & 1 == 1 {
            scaled.merge(&doubled);
        }
        let same = doubled.clone();
        doubled.merge(&same);
        rest >>= 1;
    }
    let count = (COUNT * scale) as i64;
    let mut insert = tx.prepare_cached(
        "INSERT INTO bucket VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 400, 600000, ?9, ?10, ?11)",
    )?;
    insert.execute(params![
        level as u8,
        kind as u8,
        start.0,
        no,
        count,
        count / 24,
        count / 12,
        count * 170_000,
        count * 300,
        count * 9_000,
        scaled.encode()
    ])?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the real server reads the ranges up to its own now"
)]
fn now() -> i64 {
    use std::time::SystemTime;
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as i64)
}
