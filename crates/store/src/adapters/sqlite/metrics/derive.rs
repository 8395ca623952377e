//! Days from hours, and months from days.
//!
//! Each marked bucket is computed in a reader's snapshot and then written in a short transaction, if its mark is still
//! the one of the snapshot. Where counting has touched it meanwhile, the mark stays and a later call does it again;
//! nobody reads the old rows until then ([`super::dirty`]). So the writer never waits for a computation, and a day that
//! is being written all the time is derived once it comes to rest.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use sendry_domain::{
    rollup::{Cell, Level},
    series::SeriesKind,
    time::UnixMillis,
};

use super::{
    super::{super::rows::Sums, column::count, failure::Failure, readers::Readers, writer::Writer},
    buckets::{self, Place},
};

/// A mark ([`super::dirty`]).
#[derive(Clone, Copy, Debug)]
struct Mark {
    tenant: i64,
    level: Level,
    start: UnixMillis,
    version: i64,
}

/// What a marked bucket is to hold.
struct Derived {
    mark: Mark,
    rows: Vec<(Place, Cell)>,
}

/// Derives everything that is marked. Returns how many buckets it wrote.
pub async fn derive(readers: &Arc<Readers>, writer: &Writer) -> Result<u64, Failure> {
    let mut written = 0;
    // Days first: months are computed from them.
    for level in [Level::Day, Level::Month] {
        for mark in readers.read(move |snapshot| marks(snapshot, level)).await? {
            let computed = readers
                .read(move |snapshot| compute(snapshot, mark))
                .await?;
            if let Some(derived) = computed {
                written += writer.transact(move |t, _| replace(t, &derived)).await?;
            }
        }
    }
    Ok(written)
}

fn marks(snapshot: &Connection, level: Level) -> Result<Vec<Mark>, Failure> {
    let sql = "SELECT tenant, start, version FROM dirty WHERE level = ? ORDER BY tenant, start";
    let mut statement = snapshot.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Mark {
            tenant: row.get(0)?,
            level,
            start: UnixMillis(row.get(1)?),
            version: row.get(2)?,
        })
    };
    let marks = statement.query_map([level as u8], read)?;
    Ok(marks.collect::<Result<_, _>>()?)
}

/// The version of a mark now; `None` if it is gone.
fn version(connection: &Connection, mark: Mark) -> Result<Option<i64>, Failure> {
    let sql = "SELECT version FROM dirty WHERE tenant = ? AND level = ? AND start = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let place = params![mark.tenant, mark.level as u8, mark.start.0];
    Ok(statement.query_row(place, |row| row.get(0)).optional()?)
}

/// What the marked bucket holds in this snapshot; `None` if it cannot be told yet.
fn compute(snapshot: &Connection, mark: Mark) -> Result<Option<Derived>, Failure> {
    let Some(version) = version(snapshot, mark)? else {
        return Ok(None);
    };
    let end = mark.level.next(mark.start);
    let finer = match mark.level {
        Level::Month => {
            if marked_day(snapshot, mark.tenant, mark.start, end)? {
                return Ok(None);
            }
            Level::Day
        }
        Level::Day | Level::Hour | Level::Minute => Level::Hour,
    };
    let mut rows = Vec::new();
    for kind in SeriesKind::ALL {
        sum(snapshot, mark, kind, finer, end, &mut rows)?;
    }
    let mark = Mark { version, ..mark };
    Ok(Some(Derived { mark, rows }))
}

fn marked_day(
    snapshot: &Connection,
    tenant: i64,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS
               (SELECT 1 FROM dirty WHERE tenant = ? AND level = ? AND start >= ? AND start < ?)";
    let mut statement = snapshot.prepare_cached(sql)?;
    let range = params![tenant, Level::Day as u8, from.0, to.0];
    Ok(statement.query_row(range, |row| row.get(0))?)
}

/// Adds the finer rows of one kind up by series.
fn sum(
    snapshot: &Connection,
    mark: Mark,
    kind: SeriesKind,
    finer: Level,
    end: UnixMillis,
    out: &mut Vec<(Place, Cell)>,
) -> Result<(), Failure> {
    let sql = concat!(
        "SELECT ",
        buckets::columns!(),
        " FROM bucket WHERE tenant = ? AND level = ? AND kind = ? AND start >= ? AND start < ?"
    );
    let mut statement = snapshot.prepare_cached(sql)?;
    let range = params![mark.tenant, finer as u8, kind as u8, mark.start.0, end.0];
    let mut rows = statement.query(range)?;
    let mut sums = Sums::default();
    while let Some(row) = rows.next()? {
        let (series, row) = buckets::read(row)?;
        sums.add(series, row)?;
    }
    out.extend(sums.finish().into_iter().map(|(series, cell)| {
        let place = Place {
            tenant: mark.tenant,
            level: mark.level,
            kind,
            start: mark.start,
            series,
        };
        (place, cell)
    }));
    Ok(())
}

/// Puts the rows in the place of what stood there and takes the mark away, unless counting has renewed it meanwhile.
fn replace(transaction: &Connection, derived: &Derived) -> Result<u64, Failure> {
    let Derived { mark, rows } = derived;
    if version(transaction, *mark)? != Some(mark.version) {
        return Ok(0);
    }
    let sql = "DELETE FROM bucket WHERE tenant = ? AND level = ? AND kind = ? AND start = ?";
    let mut delete = transaction.prepare_cached(sql)?;
    for kind in SeriesKind::ALL {
        let of_kind = params![mark.tenant, mark.level as u8, kind as u8, mark.start.0];
        delete.execute(of_kind)?;
    }
    for (place, cell) in rows {
        buckets::add(transaction, place, cell)?;
    }
    let sql = "DELETE FROM dirty WHERE tenant = ? AND level = ? AND start = ?";
    let place = params![mark.tenant, mark.level as u8, mark.start.0];
    transaction.prepare_cached(sql)?.execute(place)?;
    Ok(count(rows.len() as i64))
}
