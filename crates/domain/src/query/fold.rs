//! Adding stored buckets up into groups and points.

use std::{collections::HashMap, sync::Arc};

use super::cover::Slice;
use crate::{
    histogram::{CorruptHistogram, Dense, Histogram},
    rollup::Cell,
    series::{Series, SeriesKind},
    time::UnixMillis,
};

/// Exact matches on the name of a series; `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The service.
    pub service: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The route template.
    pub endpoint: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
}

impl Filter {
    /// Whether `series` is meant.
    #[must_use]
    pub fn matches(&self, series: &Series) -> bool {
        let agrees = |wanted: &Option<String>, has: &Option<Arc<str>>| {
            wanted.as_deref().is_none_or(|w| has.as_deref() == Some(w))
        };
        agrees(&self.service, &series.service)
            && agrees(&self.environment, &series.environment)
            && agrees(&self.endpoint, &series.endpoint)
            && agrees(&self.method, &series.method)
    }
}

/// What rows are added together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// All of them.
    Total,
    /// Those of one status.
    Status,
    /// Those of one service and environment.
    Service,
    /// Those of one series.
    Series,
}

/// What is kept for each point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// How many requests.
    Counts,
    /// Everything.
    Cells,
}

/// A question to a store's buckets.
#[derive(Clone, Debug)]
pub struct FoldSpec {
    /// Which kind of series to read.
    pub kind: SeriesKind,
    /// Which of them.
    pub filter: Filter,
    /// Which buckets.
    pub slices: Vec<Slice>,
    /// What to add together.
    pub group: GroupBy,
    /// Ascending starts of the points; a bucket belongs to the last point that starts at or before it.
    pub points: Arc<[UnixMillis]>,
    /// What to keep a point.
    pub detail: Detail,
}

/// One stored bucket, borrowed from the store's row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Start of the bucket.
    pub start: UnixMillis,
    /// Requests.
    pub count: u64,
    /// Errors.
    pub errors: u64,
    /// Client errors.
    pub client_errors: u64,
    /// Sum of latencies, µs.
    pub latency_sum_us: u64,
    /// Smallest latency, µs.
    pub latency_min_us: u64,
    /// Largest latency, µs.
    pub latency_max_us: u64,
    /// Request bytes.
    pub bytes_in: u64,
    /// Response bytes.
    pub bytes_out: u64,
    /// Stored form of the histogram.
    pub histogram: &'a [u8],
}

/// An answer: the rows of one group added up.
#[derive(Clone, Debug)]
pub struct Group {
    /// What the group's rows have in common; fields they differ in are `None`.
    pub series: Series,
    /// All of it.
    pub total: Cell,
    /// Start of the latest bucket with requests.
    pub last_seen: UnixMillis,
    /// By point, as many as the spec has.
    pub points: PointValues,
}

/// Values by point.
#[derive(Clone, Debug)]
pub enum PointValues {
    /// Not asked for.
    None,
    /// Requests.
    Counts(Vec<u64>),
    /// Everything.
    Cells(Vec<Cell>),
}

/// Adds rows up while a store streams them.
#[derive(Debug)]
pub struct Folder {
    spec: FoldSpec,
    groups: Vec<(Group, Dense)>,
    by_name: HashMap<Series, usize>,
}

impl Folder {
    /// Starts an answer to `spec`.
    #[must_use]
    pub fn new(spec: FoldSpec) -> Self {
        Self {
            spec,
            groups: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    /// The question.
    #[must_use]
    pub fn spec(&self) -> &FoldSpec {
        &self.spec
    }

    /// The group that rows of `series` belong to; `None` if the filter leaves it out. Stores ask once a series.
    pub fn group_of(&mut self, series: &Series) -> Option<usize> {
        if !self.spec.filter.matches(series) {
            return None;
        }
        let name = match self.spec.group {
            GroupBy::Total => Series::default(),
            GroupBy::Status => Series {
                status: series.status,
                ..Series::default()
            },
            GroupBy::Service => Series {
                service: series.service.clone(),
                environment: series.environment.clone(),
                ..Series::default()
            },
            GroupBy::Series => series.clone(),
        };
        let next = self.groups.len();
        let group = *self.by_name.entry(name.clone()).or_insert(next);
        if group == next {
            let n = self.spec.points.len();
            let points = match self.spec.detail {
                Detail::None => PointValues::None,
                Detail::Counts => PointValues::Counts(vec![0; n]),
                Detail::Cells => PointValues::Cells(vec![Cell::default(); n]),
            };
            let last_seen = UnixMillis(i64::MIN);
            let group = Group {
                series: name,
                total: Cell::default(),
                last_seen,
                points,
            };
            self.groups.push((group, Dense::default()));
        }
        Some(group)
    }

    /// Adds a row to a group that [`Self::group_of`] gave.
    ///
    /// # Errors
    /// When the stored histogram is corrupt.
    pub fn add(&mut self, group: usize, row: Row<'_>) -> Result<(), CorruptHistogram> {
        let Some((group, dense)) = self.groups.get_mut(group) else {
            return Ok(());
        };
        add_row(&mut group.total, &row);
        dense.add(row.histogram)?;
        group.last_seen = group.last_seen.max(row.start);
        let after = self
            .spec
            .points
            .partition_point(|start| *start <= row.start);
        let Some(point) = after.checked_sub(1) else {
            return Ok(());
        };
        match &mut group.points {
            PointValues::None => {}
            PointValues::Counts(counts) => counts[point] += row.count,
            PointValues::Cells(cells) => {
                add_row(&mut cells[point], &row);
                cells[point]
                    .histogram
                    .merge(&Histogram::decode(row.histogram)?);
            }
        }
        Ok(())
    }

    /// The groups that had rows.
    #[must_use]
    pub fn finish(self) -> Vec<Group> {
        let with_rows = self
            .groups
            .into_iter()
            .filter(|(group, _)| group.total.count > 0);
        with_rows
            .map(|(mut group, dense)| {
                group.total.histogram = dense.to_histogram();
                group
            })
            .collect()
    }
}

fn add_row(cell: &mut Cell, row: &Row<'_>) {
    cell.count += row.count;
    cell.errors += row.errors;
    cell.client_errors += row.client_errors;
    cell.latency_sum_us = cell.latency_sum_us.saturating_add(row.latency_sum_us);
    cell.latency_min_us = cell.latency_min_us.min(row.latency_min_us);
    cell.latency_max_us = cell.latency_max_us.max(row.latency_max_us);
    cell.bytes_in = cell.bytes_in.saturating_add(row.bytes_in);
    cell.bytes_out = cell.bytes_out.saturating_add(row.bytes_out);
}
