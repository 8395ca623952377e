//! Buckets as rows of any SQL database, once they are read: added up by group for an answer, or by series for a derived
//! level.

use std::collections::HashMap;

use sendry_domain::{
    histogram::{CorruptHistogram, Dense},
    query::{FoldSpec, Folder, Group, Row},
    rollup::Cell,
    series::Series,
    time::UnixMillis,
};

/// Seeking one row costs about as much as reading this many in sequence.
pub const JUMP: usize = 8;

/// A row that no build writes.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its histogram is none.
    #[error(transparent)]
    Histogram(#[from] CorruptHistogram),
    /// Its series is not in the dictionary.
    #[error("the bucket at {start} of series {series} has no name of its kind in the dictionary")]
    Unnamed {
        /// The series' number.
        series: i64,
        /// The bucket's start, in milliseconds.
        start: i64,
    },
}

/// The folder, and which of its groups each series belongs to.
#[derive(Debug)]
pub struct Groups<'a> {
    folder: Folder,
    series: &'a [(i64, Series)],
    /// The least series' number: where `by_series` begins.
    base: i64,
    by_series: Vec<Membership>,
}

/// A group is made when the first row for it comes: most series have none in a short range.
#[derive(Clone, Copy, Debug)]
enum Membership {
    Unasked,
    LeftOut,
    Group(u32),
}

impl<'a> Groups<'a> {
    /// `series` ascend by number.
    pub fn new(folder: Folder, series: &'a [(i64, Series)]) -> Self {
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

    /// The question.
    pub fn spec(&self) -> &FoldSpec {
        self.folder.spec()
    }

    /// The groups that had rows.
    pub fn finish(self) -> Vec<Group> {
        self.folder.finish()
    }

    /// Adds a row of a series.
    pub fn add(&mut self, series: i64, row: Row<'_>) -> Result<(), Unreadable> {
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

fn unnamed(series: i64, start: UnixMillis) -> Unreadable {
    Unreadable::Unnamed {
        series,
        start: start.0,
    }
}

/// Rows added up by series.
#[derive(Debug, Default)]
pub struct Sums(HashMap<i64, (Cell, Dense)>);

impl Sums {
    /// Adds a row of a series. Sums stay at the largest integer.
    pub fn add(&mut self, series: i64, row: Row<'_>) -> Result<(), CorruptHistogram> {
        let (cell, histogram) = self.0.entry(series).or_default();
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut cell.count, row.count);
        add(&mut cell.errors, row.errors);
        add(&mut cell.client_errors, row.client_errors);
        add(&mut cell.latency_sum_us, row.latency_sum_us);
        cell.latency_min_us = cell.latency_min_us.min(row.latency_min_us);
        cell.latency_max_us = cell.latency_max_us.max(row.latency_max_us);
        add(&mut cell.bytes_in, row.bytes_in);
        add(&mut cell.bytes_out, row.bytes_out);
        histogram.add(row.histogram)
    }

    /// The sums, ascending by series.
    #[must_use]
    pub fn finish(self) -> Vec<(i64, Cell)> {
        let finished = |(series, (cell, histogram)): (i64, (Cell, Dense))| {
            let histogram = histogram.to_histogram();
            (series, Cell { histogram, ..cell })
        };
        let mut sums: Vec<_> = self.0.into_iter().map(finished).collect();
        sums.sort_unstable_by_key(|(series, _)| *series);
        sums
    }
}
