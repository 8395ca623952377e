use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Numbers by point in time, in columns of equal length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeseries {
    /// Starts of the points, epoch milliseconds.
    pub t: Vec<i64>,
    /// Requests by class of status (`1xx` to `5xx`, or `none` for status 0); only classes that occur.
    pub requests: BTreeMap<String, Vec<u64>>,
    /// Errors.
    pub errors: Vec<u64>,
    /// Mean latency; `null` without requests.
    pub average_ms: Vec<Option<f64>>,
    /// Median latency.
    pub p50_ms: Vec<Option<f64>>,
    /// 95th percentile of latency.
    pub p95_ms: Vec<Option<f64>>,
    /// 99th percentile of latency.
    pub p99_ms: Vec<Option<f64>>,
    /// Bytes of requests, where known.
    pub bytes_in: Vec<u64>,
    /// Bytes of responses, where known.
    pub bytes_out: Vec<u64>,
}
