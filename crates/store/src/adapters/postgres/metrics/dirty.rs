//! Marks on days and months whose rows lag behind their hours ([`Marks`]), as rows.
//!
//! A mark that is there and unclaimed is left alone, so that the counts of a busy day do not queue on its row. That is
//! safe because counts hold their tenant's lock ([`super::floor`]) and a derivation claims marks only when it has that
//! lock alone: between a count's look at a mark and its commit nobody claims it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sendry_domain::{rollup::Level, time::UnixMillis};
use sqlx::PgConnection;

use super::super::{super::marks::touched, failure::Failure};

/// Marks the days and months of buckets that were written, by the tenant's number.
pub async fn mark(
    connection: &mut PgConnection,
    starts: &BTreeMap<i32, BTreeSet<UnixMillis>>,
) -> Result<(), Failure> {
    let places = |(tenant, starts): (&i32, &BTreeSet<UnixMillis>)| {
        let tenant = *tenant;
        let of_tenant = touched(starts.iter().copied());
        let place = move |(level, start): (Level, UnixMillis)| (tenant, level as i16, start.0);
        of_tenant.into_iter().map(place)
    };
    let mut marks: Vec<(i32, i16, i64)> = starts.iter().flat_map(places).collect();
    if marks.is_empty() {
        return Ok(());
    }
    marks.sort_unstable();
    let columns = |marks: &[(i32, i16, i64)]| -> (Vec<i32>, Vec<i16>, Vec<i64>) {
        let tenants = marks.iter().map(|(tenant, ..)| *tenant).collect();
        let levels = marks.iter().map(|(_, level, _)| *level).collect();
        let starts = marks.iter().map(|(.., start)| *start).collect();
        (tenants, levels, starts)
    };
    let (tenants, levels, starts) = columns(&marks);
    let sql = "SELECT d.tenant, d.level, d.start
               FROM unnest($1::int4[], $2::int2[], $3::int8[]) AS n (tenant, level, start)
               JOIN dirty AS d ON d.tenant = n.tenant AND d.level = n.level AND d.start = n.start
               WHERE d.claim IS NULL";
    let there: Vec<(i32, i16, i64)> = sqlx::query_as(sql)
        .bind(tenants)
        .bind(levels)
        .bind(starts)
        .fetch_all(&mut *connection)
        .await?;
    let there: HashSet<_> = there.into_iter().collect();
    marks.retain(|mark| !there.contains(mark));
    if marks.is_empty() {
        return Ok(());
    }
    let (tenants, levels, starts) = columns(&marks);
    let sql = "INSERT INTO dirty (tenant, level, start)
               SELECT * FROM unnest($1::int4[], $2::int2[], $3::int8[])
               ON CONFLICT (tenant, level, start) DO UPDATE SET claim = NULL";
    sqlx::query(sql)
        .bind(tenants)
        .bind(levels)
        .bind(starts)
        .execute(connection)
        .await?;
    Ok(())
}
