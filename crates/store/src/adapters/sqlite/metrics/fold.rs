//! Reading buckets: a scan of one kind over time, or, for a few of many series, jumps from one wanted row to the next.

use rusqlite::{Connection, params};
use sendry_domain::{
    id::TenantId,
    query::{FoldSpec, Folder, Group, Slice},
    series::Series,
    time::UnixMillis,
};

use super::{
    super::{
        failure::Failure,
        names::{Dictionary, number},
    },
    buckets,
    dirty::Dirty,
};

/// A jump costs about as much as reading this many rows in sequence.
const JUMP: usize = 8;

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
    let slices = Dirty::load(snapshot, tenant)?.avoid(&spec.slices);
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
    Ok(groups.folder.finish())
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
    let kind = groups.folder.spec().kind as u8;
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
    let kind = groups.folder.spec().kind as u8;
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

/// The folder, and which of its groups each series belongs to.
struct Groups<'a> {
    folder: Folder,
    series: &'a [(i64, Series)],
    /// The least series' number: where `by_series` begins.
    base: i64,
    by_series: Vec<Membership>,
}

/// A group is made when the first row for it comes: most series have none in a short range.
#[derive(Clone, Copy)]
enum Membership {
    Unasked,
    LeftOut,
    Group(u32),
}

impl<'a> Groups<'a> {
    fn new(folder: Folder, series: &'a [(i64, Series)]) -> Self {
        let base = series.first().map_or(0, |(no, _)| *no);
        let end = series.last().map_or(0, |(no, _)| *no + 1);
        let length = usize::try_from(end - base).unwrap_or(0);
        Self {
            folder,
            series,
            base,
            by_series: vec![Membership::Unasked; length],
        }
    }

    fn add(&mut self, series: i64, row: sendry_domain::query::Row<'_>) -> Result<(), Failure> {
        let at = usize::try_from(series - self.base).ok();
        let Some(member) = at.and_then(|at| self.by_series.get_mut(at)) else {
            return Err(unnamed(series, row.start));
        };
        if let Membership::Unasked = member {
            let named = self.series.binary_search_by_key(&series, |(no, _)| *no);
            let named = named.map_err(|_| unnamed(series, row.start))?;
            let group = self.folder.group_of(&self.series[named].1);
            *member = group.map_or(Membership::LeftOut, |group| Membership::Group(group as u32));
        }
        if let Membership::Group(group) = *member {
            self.folder.add(group as usize, row)?;
        }
        Ok(())
    }
}

fn unnamed(series: i64, start: UnixMillis) -> Failure {
    Failure::damaged(format!(
        "the bucket at {} of series {series} has no name of its kind in the dictionary",
        start.0
    ))
}
