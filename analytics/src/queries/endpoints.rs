//! Which endpoints get the traffic, fail, or are slow.

use std::cmp::Ordering;

use sendry_domain::query::Group;

use super::read::Read;
use crate::{
    error::ApiError,
    plan::{self, SparkBins},
    views::{Endpoint, EndpointSort, Latency, Spark, ratio, shown},
};

/// The first `limit` endpoints by `sort`, and how many there are in all.
pub(crate) async fn endpoints(
    read: &Read<'_>,
    sort: EndpointSort,
    limit: usize,
) -> Result<(Vec<Endpoint>, usize), ApiError> {
    let (groups, bins) = read
        .list(plan::endpoints(&read.range, &read.filter))
        .await?;
    let total = groups.len();
    let all = groups.iter().map(|g| g.total.count).sum();
    let mut rows: Vec<_> = groups.iter().map(|group| row(group, &bins, all)).collect();
    rows.sort_by(|a, b| by(sort, a, b).then_with(|| by_name(a, b)));
    rows.truncate(limit);
    Ok((rows, total))
}

fn row(group: &Group, bins: &SparkBins, all: u64) -> Endpoint {
    let text = |field: &Option<std::sync::Arc<str>>| field.as_deref().map(str::to_owned);
    let (series, cell) = (&group.series, &group.total);
    let latency = Latency::of(cell);
    Endpoint {
        service: text(&series.service).unwrap_or_default(),
        environment: text(&series.environment),
        endpoint: text(&series.endpoint).unwrap_or_default(),
        method: text(&series.method).unwrap_or_default(),
        requests: cell.count,
        share: ratio(cell.count, all),
        errors: cell.errors,
        error_rate: ratio(cell.errors, cell.count),
        client_errors: cell.client_errors,
        average_ms: latency.average_ms,
        p50_ms: latency.p50_ms,
        p95_ms: latency.p95_ms,
        p99_ms: latency.p99_ms,
        max_ms: latency.max_ms,
        impact_ms: Some(cell.latency_sum_us as f64 / 1_000.0),
        last_seen: Some(shown(group.last_seen)),
        spark: Spark::of(bins, group),
    }
}

/// Largest first; of equals, the one with more requests.
fn by(sort: EndpointSort, a: &Endpoint, b: &Endpoint) -> Ordering {
    let larger = |of: fn(&Endpoint) -> Option<f64>| {
        let value = |row| of(row).unwrap_or(f64::NEG_INFINITY);
        value(b).total_cmp(&value(a))
    };
    let first = match sort {
        EndpointSort::Requests => Ordering::Equal,
        EndpointSort::Errors => b.errors.cmp(&a.errors),
        EndpointSort::ErrorRate => larger(|row| row.error_rate),
        EndpointSort::P95 => larger(|row| row.p95_ms),
        EndpointSort::Impact => larger(|row| row.impact_ms),
    };
    first.then_with(|| b.requests.cmp(&a.requests))
}

/// So that equal rows stand in the same order every time.
fn by_name(a: &Endpoint, b: &Endpoint) -> Ordering {
    let name = |row: &Endpoint| {
        (
            row.service.clone(),
            row.endpoint.clone(),
            row.method.clone(),
            row.environment.clone(),
        )
    };
    name(a).cmp(&name(b))
}
