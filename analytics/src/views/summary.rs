use sendry_domain::{rollup::Cell, time::MINUTE};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Latency, ratio};

/// A range of time in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Requests.
    pub requests: u64,
    /// Requests by minute of the range that has passed.
    pub requests_per_minute: f64,
    /// 5xx, no response, or an error type was recorded.
    pub errors: u64,
    /// Errors by request.
    #[schema(required)]
    pub error_rate: Option<f64>,
    /// 4xx that are not errors.
    pub client_errors: u64,
    /// Client errors by request.
    #[schema(required)]
    pub client_error_rate: Option<f64>,
    /// Mean latency.
    #[schema(required)]
    pub average_ms: Option<f64>,
    /// Median latency.
    #[schema(required)]
    pub p50_ms: Option<f64>,
    /// 95th percentile of latency.
    #[schema(required)]
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency.
    #[schema(required)]
    pub p99_ms: Option<f64>,
    /// Largest latency.
    #[schema(required)]
    pub max_ms: Option<f64>,
    /// Bytes of requests, where known.
    pub bytes_in: u64,
    /// Bytes of responses, where known.
    pub bytes_out: u64,
}

impl Summary {
    /// What `cell` holds of `length` milliseconds.
    #[must_use]
    pub fn of(cell: &Cell, length: i64) -> Self {
        let latency = Latency::of(cell);
        Self {
            requests: cell.count,
            requests_per_minute: cell.count as f64 * MINUTE as f64 / length.max(1) as f64,
            errors: cell.errors,
            error_rate: ratio(cell.errors, cell.count),
            client_errors: cell.client_errors,
            client_error_rate: ratio(cell.client_errors, cell.count),
            average_ms: latency.average_ms,
            p50_ms: latency.p50_ms,
            p95_ms: latency.p95_ms,
            p99_ms: latency.p99_ms,
            max_ms: latency.max_ms,
            bytes_in: cell.bytes_in,
            bytes_out: cell.bytes_out,
        }
    }
}
