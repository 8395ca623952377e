//! Numbers by point in time.

use sendry_domain::{
    query::{Group, PointValues},
    rollup::Cell,
};

use super::read::Read;
use crate::{
    error::ApiError,
    plan,
    views::{Latency, Timeseries},
};

/// The range by point.
pub(crate) async fn timeseries(read: &Read<'_>) -> Result<Timeseries, ApiError> {
    let groups = read
        .fold(plan::timeseries(&read.range, &read.filter))
        .await?;
    Ok(columns(read.range.points.iter().map(|at| at.0), &groups))
}

fn columns(t: impl Iterator<Item = i64>, by_status: &[Group]) -> Timeseries {
    let mut series = Timeseries {
        t: t.collect(),
        ..Timeseries::default()
    };
    let mut totals = vec![Cell::default(); series.t.len()];
    for group in by_status {
        let PointValues::Cells(cells) = &group.points else {
            continue;
        };
        let class = class_of(group.series.status);
        let column = series.requests.entry(class);
        let column = column.or_insert_with(|| vec![0; totals.len()]);
        for ((cell, total), requests) in cells.iter().zip(&mut totals).zip(column) {
            *requests += cell.count;
            total.merge(cell);
        }
    }
    for total in &totals {
        let latency = Latency::of(total);
        series.errors.push(total.errors);
        series.average_ms.push(latency.average_ms);
        series.p50_ms.push(latency.p50_ms);
        series.p95_ms.push(latency.p95_ms);
        series.p99_ms.push(latency.p99_ms);
        series.bytes_in.push(total.bytes_in);
        series.bytes_out.push(total.bytes_out);
    }
    series
}

/// `2xx` and so on; `none` where no response was sent.
fn class_of(status: Option<u16>) -> String {
    match status.unwrap_or(0) / 100 {
        0 => "none".to_owned(),
        class => format!("{class}xx"),
    }
}
