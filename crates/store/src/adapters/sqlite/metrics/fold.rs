//! Reading buckets: a scan of one kind over time, or, for a few of many series, jumps from one wanted row to the next.

use rusqlite::{Connection, params};
use sendry_domain::{
    id::TenantId,
    query::{FoldSpec, Folder, Group, Slice},
};

use super::{
    super::{
        super::rows::{Groups, JUMP},
        failure::Failure,
        names::{Dictionary, number},
    },
    buckets, dirty,
};

/// Adds up the buckets that `spec` asks for.
pub fn fold(
    snapshot: &Connection,
    dictionary: &Dictionary,
    tenant: &TenantId,
    spec: FoldSpec,
) -> Result<Vec<Group>, Failure> {
    let Some(tenant) = number(snapshot, tenant)? else {
        return Ok(Vec::new());
    };
    let of_tenant = dictionary.of(snapshot, tenant)?;
    let series = &of_tenant[spec.kind as usize];
    let slices = dirty::load(snapshot, tenant)?.avoid(&spec.slices);
    let wanted: Vec<i64> = series
        .iter()
        .filter(|(_, name)| spec.filter.matches(name))
        .map(|(no, _)| *no)
        .collect();
    let mut groups = Groups::new(Folder::new(spec), series);
    for slice in slices {
        if wanted.len() * JUMP <= series.len() {
            jump(snapshot, tenant, slice, &wanted, &mut groups)?;
        } else {
            scan(snapshot, tenant, slice, &mut groups)?;
        }
    }
    Ok(groups.finish())
}

/// Reads every row of the slice.
fn scan(
    snapshot: &Connection,
    tenant: i64,
    slice: Slice,
    groups: &mut Groups<'_>,
) -> Result<(), Failure> {
    let sql = concat!(
        "SELECT ",
        buckets::columns!(),
        " FROM bucket WHERE tenant = ? AND level = ? AND kind = ? AND start >= ? AND start < ?"
    );
    let mut statement = snapshot.prepare_cached(sql)?;
    let kind = groups.spec().kind as u8;
    let mut rows = statement.query(params![
        tenant,
        slice.level as u8,
        kind,
        slice.from.0,
        slice.to.0
    ])?;
    while let Some(row) = rows.next()? {
        let (series, row) = buckets::read(row)?;
        groups.add(series, row)?;
    }
    Ok(())
}

/// Reads the rows of the `wanted` series (ascending), seeking over those of others.
fn jump(
    snapshot: &Connection,
    tenant: i64,
    slice: Slice,
    wanted: &[i64],
    groups: &mut Groups<'_>,
) -> Result<(), Failure> {
    let Some(first) = wanted.first() else {
        return Ok(());
    };
    let sql = concat!(
        "SELECT ",
        buckets::columns!(),
        " FROM bucket WHERE tenant = ? AND level = ? AND kind = ?
          AND (start, series) >= (?, ?) AND start < ? ORDER BY start, series LIMIT 1"
    );
    let mut statement = snapshot.prepare_cached(sql)?;
    let kind = groups.spec().kind as u8;
    let (mut start, mut series) = (slice.from, *first);
    loop {
        let mut rows = statement.query(params![
            tenant,
            slice.level as u8,
            kind,
            start.0,
            series,
            slice.to.0
        ])?;
        let Some(row) = rows.next()? else {
            return Ok(());
        };
        let (found, row) = buckets::read(row)?;
        let at = wanted.partition_point(|no| *no < found);
        let hit = wanted.get(at) == Some(&found);
        // The next wanted row of this start, else the first of whatever start comes next.
        (start, series) = match wanted.get(at + usize::from(hit)) {
            Some(next) => (row.start, *next),
            None => (row.start.plus(1), *first),
        };
        if hit {
            groups.add(found, row)?;
        }
    }
}
