//! Days from hours, and months from days.
//!
//! Each derivation draws a number. For a tenant it first claims its marks with that number, having waited for the counts
//! under way ([`super::floor`]); then it computes each marked bucket in a snapshot, and replaces it in a transaction of
//! its own if the claim still stands. A count that touches the bucket meanwhile clears the claim, and a later call does it
//! again; nobody reads the old rows until then ([`super::dirty`]). Counting waits for the claiming, which is one short
//! statement, and never for a computation.
//!
//! Two processes that derive at once take claims from each other at worst; then one of them has worked for nothing.

use futures_util::TryStreamExt;
use sendry_domain::{
    rollup::{Cell, Level},
    series::SeriesKind,
    time::UnixMillis,
};
use sqlx::PgConnection;

use super::{
    super::{super::rows::Sums, database::Database, failure::Failure},
    buckets::{self, Place},
    floor,
};

/// A claimed mark.
#[derive(Clone, Copy, Debug)]
struct Mark {
    tenant: i32,
    level: Level,
    start: UnixMillis,
    /// The number of the derivation.
    claim: i64,
}

/// What a marked bucket is to hold.
struct Derived {
    mark: Mark,
    rows: Vec<(Place, Cell)>,
}

/// Derives everything that is marked. Returns how many buckets it wrote.
pub async fn derive(database: &Database) -> Result<u64, Failure> {
    let tenants = database
        .transact(None, (), |connection, ()| Box::pin(begin(connection)))
        .await?;
    let (claim, tenants) = tenants;
    let mut written = 0;
    for tenant in tenants {
        let claimed = database
            .transact(None, (tenant, claim), |connection, claimed| {
                Box::pin(take(connection, *claimed))
            })
            .await?;
        // Days first: months are computed from them.
        for mark in claimed {
            let derived = database
                .read(None, mark, |snapshot, mark| {
                    Box::pin(compute(snapshot, *mark))
                })
                .await?;
            if let Some(derived) = derived {
                written += database
                    .transact(None, derived, |connection, derived| {
                        Box::pin(replace(connection, derived))
                    })
                    .await?;
            }
        }
    }
    Ok(written)
}

/// A number for this derivation, and the tenants with marks.
async fn begin(connection: &mut PgConnection) -> Result<(i64, Vec<i32>), Failure> {
    let claim = sqlx::query_scalar("SELECT nextval('derivation')")
        .fetch_one(&mut *connection)
        .await?;
    let tenants = sqlx::query_scalar("SELECT DISTINCT tenant FROM dirty ORDER BY tenant")
        .fetch_all(connection)
        .await?;
    Ok((claim, tenants))
}

/// Claims a tenant's marks. Days come before months.
async fn take(
    connection: &mut PgConnection,
    (tenant, claim): (i32, i64),
) -> Result<Vec<Mark>, Failure> {
    floor::alone(connection, tenant).await?;
    let sql = "UPDATE dirty SET claim = $2 WHERE tenant = $1 RETURNING level, start";
    let claimed: Vec<(i16, i64)> = sqlx::query_as(sql)
        .bind(tenant)
        .bind(claim)
        .fetch_all(connection)
        .await?;
    let mut marks = Vec::with_capacity(claimed.len());
    for (level, start) in claimed {
        let known = [Level::Day, Level::Month];
        let level = known.into_iter().find(|known| *known as i16 == level);
        marks.push(Mark {
            tenant,
            level: level.ok_or_else(|| Failure::damaged("a mark is of no derived level"))?,
            start: UnixMillis(start),
            claim,
        });
    }
    marks.sort_unstable_by_key(|mark| (mark.level, mark.start));
    Ok(marks)
}

/// What the marked bucket holds in this snapshot; `None` if the claim is gone or it cannot be told yet.
async fn compute(snapshot: &mut PgConnection, mark: Mark) -> Result<Option<Derived>, Failure> {
    let end = mark.level.next(mark.start);
    let sql = "SELECT EXISTS (SELECT FROM dirty WHERE tenant = $1 AND level = $2 AND start = $3 AND claim = $4),
                      EXISTS (SELECT FROM dirty WHERE tenant = $1 AND level = $5 AND start >= $3 AND start < $6)";
    let (claimed, marked_day): (bool, bool) = sqlx::query_as(sql)
        .bind(mark.tenant)
        .bind(mark.level as i16)
        .bind(mark.start.0)
        .bind(mark.claim)
        .bind(Level::Day as i16)
        .bind(end.0)
        .fetch_one(&mut *snapshot)
        .await?;
    let finer = match mark.level {
        Level::Month if marked_day => return Ok(None),
        Level::Month => Level::Day,
        Level::Day | Level::Hour | Level::Minute => Level::Hour,
    };
    if !claimed {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for kind in SeriesKind::ALL {
        for (series, cell) in sum(snapshot, mark, kind, finer, end).await? {
            let series = i32::try_from(series).map_err(Failure::damaged)?;
            let place = Place::new(mark.tenant, (mark.level, kind), mark.start, series, 0);
            rows.push((place, cell));
        }
    }
    Ok(Some(Derived { mark, rows }))
}

/// Adds the finer rows of one kind up by series, ascending.
async fn sum(
    snapshot: &mut PgConnection,
    mark: Mark,
    kind: SeriesKind,
    finer: Level,
    end: UnixMillis,
) -> Result<Vec<(i64, Cell)>, Failure> {
    let sql = concat!(
        "SELECT ",
        buckets::columns!(),
        " FROM bucket AS b WHERE b.tenant = $1 AND b.level = $2 AND b.kind = $3 AND b.start >= $4 AND b.start < $5"
    );
    let mut rows = sqlx::query(sql)
        .bind(mark.tenant)
        .bind(finer as i16)
        .bind(kind as i16)
        .bind(mark.start.0)
        .bind(end.0)
        .fetch(snapshot);
    let mut sums = Sums::default();
    while let Some(row) = rows.try_next().await? {
        let (series, row) = buckets::read(&row)?;
        sums.add(series, row)?;
    }
    Ok(sums.finish())
}

/// Puts the rows in the place of what stood there and takes the mark away, unless counting has renewed it meanwhile. A
/// count that comes to mark it now waits for this to end and marks it anew.
async fn replace(connection: &mut PgConnection, derived: &Derived) -> Result<u64, Failure> {
    let Derived { mark, rows } = derived;
    let sql = "DELETE FROM dirty WHERE tenant = $1 AND level = $2 AND start = $3 AND claim = $4";
    let taken = sqlx::query(sql)
        .bind(mark.tenant)
        .bind(mark.level as i16)
        .bind(mark.start.0)
        .bind(mark.claim)
        .execute(&mut *connection)
        .await?;
    if taken.rows_affected() == 0 {
        return Ok(0);
    }
    let sql =
        "DELETE FROM bucket WHERE tenant = $1 AND level = $2 AND kind = ANY($3) AND start = $4";
    sqlx::query(sql)
        .bind(mark.tenant)
        .bind(mark.level as i16)
        .bind(SeriesKind::ALL.map(|kind| kind as i16))
        .bind(mark.start.0)
        .execute(&mut *connection)
        .await?;
    buckets::put_all(connection, rows).await?;
    Ok(rows.len() as u64)
}
