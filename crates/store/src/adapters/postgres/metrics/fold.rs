//! Reading buckets: a scan of one kind over time, or, for a few of many series, one seek a wanted row.

use futures_util::TryStreamExt;
use sendry_domain::{
    id::TenantId,
    query::{FoldSpec, Folder, Group, Slice},
    time::UnixMillis,
};
use sqlx::{PgConnection, Row};

use super::{
    super::{
        super::{
            marks::Marks,
            rows::{Groups, JUMP},
        },
        failure::Failure,
        names::Dictionary,
    },
    buckets,
};

/// More seeks than this are not made: a range far longer than what is stored has few rows to scan.
const SEEKS: usize = 50_000;

/// Adds up the buckets that `spec` asks for.
pub async fn fold(
    snapshot: &mut PgConnection,
    dictionary: &Dictionary,
    tenant: &TenantId,
    spec: FoldSpec,
) -> Result<Vec<Group>, Failure> {
    let Some(head) = head(snapshot, tenant).await? else {
        return Ok(Vec::new());
    };
    let names = dictionary.of(snapshot, head.no, head.series).await?;
    let series = &names[spec.kind as usize];
    let slices = head.marks.avoid(&spec.slices);
    let wanted: Vec<i32> = series
        .iter()
        .filter(|(_, name)| spec.filter.matches(name))
        .filter_map(|(no, _)| i32::try_from(*no).ok())
        .collect();
    let mut groups = Groups::new(Folder::new(spec), series);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let most = SEEKS / wanted.len();
    match starts(&slices, most) {
        Some(starts) if wanted.len() * JUMP <= series.len() => {
            seek(snapshot, head.no, starts, wanted, &mut groups).await?;
        }
        _ => scan(snapshot, head.no, &slices, &mut groups).await?,
    }
    Ok(groups.finish())
}

/// The starts of all buckets of the slices, as columns of level and start; `None` if there are more than `most`.
fn starts(slices: &[Slice], most: usize) -> Option<(Vec<i16>, Vec<i64>)> {
    let (mut levels, mut starts) = (Vec::new(), Vec::new());
    for slice in slices {
        let mut start = slice.from;
        while start < slice.to {
            if starts.len() == most {
                return None;
            }
            levels.push(slice.level as i16);
            starts.push(start.0);
            start = slice.level.next(start);
        }
    }
    Some((levels, starts))
}

/// What is to be known of a tenant before its buckets are read.
struct Head {
    no: i32,
    /// How many names its dictionary has.
    series: i64,
    marks: Marks,
}

async fn head(snapshot: &mut PgConnection, tenant: &TenantId) -> Result<Option<Head>, Failure> {
    let sql = "SELECT t.no, (SELECT count(*) FROM series AS s WHERE s.tenant = t.no),
                      ARRAY(SELECT d.level FROM dirty AS d WHERE d.tenant = t.no ORDER BY d.level, d.start),
                      ARRAY(SELECT d.start FROM dirty AS d WHERE d.tenant = t.no ORDER BY d.level, d.start)
               FROM tenant AS t WHERE t.name = $1";
    let row = sqlx::query(sql)
        .bind(tenant.as_str())
        .fetch_optional(snapshot)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (levels, starts): (Vec<i16>, Vec<i64>) = (row.try_get(2)?, row.try_get(3)?);
    let mut marks = Marks::default();
    for (level, start) in levels.into_iter().zip(starts) {
        let level = u8::try_from(level).map_err(Failure::damaged)?;
        marks.insert(level, UnixMillis(start));
    }
    Ok(Some(Head {
        no: row.try_get(0)?,
        series: row.try_get(1)?,
        marks,
    }))
}

/// Reads every row of the slices.
async fn scan(
    snapshot: &mut PgConnection,
    tenant: i32,
    slices: &[Slice],
    groups: &mut Groups<'_>,
) -> Result<(), Failure> {
    let sql = concat!(
        "SELECT ",
        buckets::columns!(),
        " FROM unnest($3::int2[], $4::int8[], $5::int8[]) AS s (level, low, high)
          JOIN bucket AS b ON b.tenant = $1 AND b.level = s.level AND b.kind = $2
               AND b.start >= s.low AND b.start < s.high"
    );
    let levels: Vec<i16> = slices.iter().map(|s| s.level as i16).collect();
    let low: Vec<i64> = slices.iter().map(|s| s.from.0).collect();
    let high: Vec<i64> = slices.iter().map(|s| s.to.0).collect();
    let query = sqlx::query(sql)
        .bind(tenant)
        .bind(groups.spec().kind as i16)
        .bind(levels)
        .bind(low)
        .bind(high);
    add(query.fetch(snapshot), groups).await
}

/// Reads the rows of the wanted series, each by its key.
async fn seek(
    snapshot: &mut PgConnection,
    tenant: i32,
    (levels, starts): (Vec<i16>, Vec<i64>),
    wanted: Vec<i32>,
    groups: &mut Groups<'_>,
) -> Result<(), Failure> {
    let sql = concat!(
        "SELECT ",
        buckets::columns!(),
        " FROM unnest($3::int2[], $4::int8[]) AS s (level, start)
          CROSS JOIN unnest($5::int4[]) AS w (series)
          JOIN bucket AS b ON b.tenant = $1 AND b.level = s.level AND b.kind = $2
               AND b.start = s.start AND b.series = w.series"
    );
    let query = sqlx::query(sql)
        .bind(tenant)
        .bind(groups.spec().kind as i16)
        .bind(levels)
        .bind(starts)
        .bind(wanted);
    add(query.fetch(snapshot), groups).await
}

async fn add(
    mut rows: impl futures_util::Stream<Item = sqlx::Result<sqlx::postgres::PgRow>> + Unpin,
    groups: &mut Groups<'_>,
) -> Result<(), Failure> {
    while let Some(row) = rows.try_next().await? {
        let (series, row) = buckets::read(&row)?;
        groups.add(series, row)?;
    }
    Ok(())
}
