//! How the services do.

use super::read::Read;
use crate::{
    error::ApiError,
    plan,
    views::{Latency, Service, Spark, ratio, shown},
};

/// Services that had requests, the busiest first.
pub(crate) async fn services(read: &Read<'_>) -> Result<Vec<Service>, ApiError> {
    let (groups, bins) = read.list(plan::services(&read.range, &read.filter)).await?;
    let all = groups.iter().map(|g| g.total.count).sum();
    let mut rows: Vec<_> = groups
        .iter()
        .map(|group| {
            let (series, cell) = (&group.series, &group.total);
            let latency = Latency::of(cell);
            Service {
                service: series.service.as_deref().unwrap_or_default().to_owned(),
                environment: series.environment.as_deref().map(str::to_owned),
                requests: cell.count,
                share: ratio(cell.count, all),
                errors: cell.errors,
                error_rate: ratio(cell.errors, cell.count),
                average_ms: latency.average_ms,
                p50_ms: latency.p50_ms,
                p95_ms: latency.p95_ms,
                p99_ms: latency.p99_ms,
                last_seen: Some(shown(group.last_seen)),
                spark: Spark::of(&bins, group),
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        let names = |row: &Service| (row.service.clone(), row.environment.clone());
        let first = b.requests.cmp(&a.requests);
        first.then_with(|| names(a).cmp(&names(b)))
    });
    Ok(rows)
}
