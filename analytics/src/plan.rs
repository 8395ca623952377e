//! Which rows answer a question: the kind of series, the buckets, and how they are added together. Pure.
//!
//! Questions about few series read the range exactly. Lists of endpoints may have a thousand series, so they save rows
//! where that changes nothing: in a range that reaches now, the bucket that now lies in is taken whole, for nothing
//! later than now (and the ten minutes that clocks may be ahead) is stored.

mod slices;
mod spark;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sendry_domain::{
    query::{Detail, Filter, FoldSpec, GroupBy},
    rollup::Level,
    series::SeriesKind,
    time::{HOUR, MINUTE, UnixMillis},
};

use crate::range::{LONG_MONTH, Range, ceil, minutes_since};

pub use slices::slices;
pub use spark::{MEAN_MONTH, SparkBins};

/// How far back [`recent`] looks, in milliseconds.
const RECENT: i64 = 10 * MINUTE;

/// The coarsest kind of series that tells apart what `filter` names and carries the status.
#[must_use]
pub fn kind_by_status(filter: &Filter) -> SeriesKind {
    match kind_of_totals(filter) {
        SeriesKind::Endpoint => SeriesKind::Status,
        coarser => coarser,
    }
}

/// The coarsest kind of series that tells apart what `filter` names.
#[must_use]
pub fn kind_of_totals(filter: &Filter) -> SeriesKind {
    if filter.endpoint.is_some() || filter.method.is_some() {
        SeriesKind::Endpoint
    } else if filter.service.is_some() || filter.environment.is_some() {
        SeriesKind::Service
    } else {
        SeriesKind::Tenant
    }
}

/// Everything in the range, added up.
#[must_use]
pub fn summary(range: &Range, filter: &Filter) -> FoldSpec {
    let points: Arc<[UnixMillis]> = [range.read_from()].into();
    FoldSpec {
        kind: kind_of_totals(filter),
        filter: filter.clone(),
        slices: slices(&points, range.to, range.finest, None),
        group: GroupBy::Total,
        points,
        detail: Detail::None,
    }
}

/// As much time as has passed of the range, just before it, with that time in milliseconds.
#[must_use]
pub fn previous(range: &Range, filter: &Filter) -> (FoldSpec, i64) {
    let length = range.elapsed();
    let start = range.read_from().plus(-length);
    let minutes = range.finest == Level::Minute && start >= minutes_since(range.now);
    let finest = if minutes { Level::Minute } else { Level::Hour };
    let to = finest.floor(range.read_from());
    let from = finest.floor(to.plus(-length));
    let spec = FoldSpec {
        slices: slices(&[from], to, finest, None),
        points: [from].into(),
        ..summary(range, filter)
    };
    (spec, to.since(from))
}

/// Every point of the range, by status.
#[must_use]
pub fn timeseries(range: &Range, filter: &Filter) -> FoldSpec {
    let points = range.read_points();
    FoldSpec {
        kind: kind_by_status(filter),
        filter: filter.clone(),
        slices: slices(&points, range.to, range.finest, None),
        group: GroupBy::Status,
        points,
        detail: Detail::Cells,
    }
}

/// Everything in the range, by status.
#[must_use]
pub fn status_codes(range: &Range, filter: &Filter) -> FoldSpec {
    FoldSpec {
        kind: kind_by_status(filter),
        group: GroupBy::Status,
        ..summary(range, filter)
    }
}

/// Every endpoint, with a small chart.
#[must_use]
pub fn endpoints(range: &Range, filter: &Filter) -> (FoldSpec, SparkBins) {
    list(range, filter, SeriesKind::Endpoint, GroupBy::Series)
}

/// Every service, with a small chart.
#[must_use]
pub fn services(range: &Range, filter: &Filter) -> (FoldSpec, SparkBins) {
    let kind = kind_of_totals(filter).max(SeriesKind::Service);
    list(range, filter, kind, GroupBy::Service)
}

/// The last minutes of a list that is read in wider buckets, if it reaches now: what is busy was seen just now, not when
/// the hour began.
#[must_use]
pub fn recent(range: &Range, list: &FoldSpec, bins: &SparkBins) -> Option<FoldSpec> {
    if !range.is_open() || bins.level == Level::Minute {
        return None;
    }
    let now = Level::Minute.floor(range.now);
    let from = now.plus(-RECENT).max(range.from);
    Some(FoldSpec {
        slices: slices(&[from], Level::Minute.next(now), Level::Minute, None),
        points: [from].into(),
        detail: Detail::None,
        ..list.clone()
    })
}

fn list(range: &Range, filter: &Filter, kind: SeriesKind, group: GroupBy) -> (FoldSpec, SparkBins) {
    let bins = SparkBins::of(range);
    // Today by the hour tells when an endpoint was last seen; over a longer time the day is enough.
    let short = range.to.since(range.from) <= LONG_MONTH + HOUR;
    let today = short.then(|| Level::Day.floor(range.now));
    let whole = match bins.level {
        Level::Minute => Level::Minute,
        _ if short => Level::Hour,
        _ => Level::Day,
    };
    let end = if range.is_open() {
        ceil(whole, range.to)
    } else {
        range.to
    };
    let mut starts = vec![range.read_from()];
    starts.extend(bins.points.iter().filter(|bin| **bin > range.read_from()));
    let spec = FoldSpec {
        kind,
        filter: filter.clone(),
        slices: slices(&starts, end, range.finest, today),
        group,
        points: bins.points.clone(),
        detail: Detail::Counts,
    };
    (spec, bins)
}
