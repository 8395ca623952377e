use sendry_domain::query::{Group, PointValues};
use serde::Serialize;
use utoipa::ToSchema;

use crate::plan::SparkBins;

/// Requests over the range as a small chart. The range may begin inside the first bin and end inside the last.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spark {
    /// Start of the first bin, epoch milliseconds.
    pub start: i64,
    /// Width of a bin in milliseconds; bins are UTC months, and this their mean, beyond 62 days.
    pub step_ms: i64,
    /// Requests by bin.
    pub values: Vec<u64>,
}

impl Spark {
    /// The chart of a group that was read by `bins`.
    pub(crate) fn of(bins: &SparkBins, group: &Group) -> Self {
        let values = match &group.points {
            PointValues::Counts(counts) => counts.clone(),
            PointValues::Cells(cells) => cells.iter().map(|cell| cell.count).collect(),
            PointValues::None => Vec::new(),
        };
        Self {
            start: bins.start.0,
            step_ms: bins.step_ms,
            values,
        }
    }
}

/// What endpoints are sorted by, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndpointSort {
    /// Requests.
    #[default]
    Requests,
    /// Errors.
    Errors,
    /// Errors by request.
    ErrorRate,
    /// 95th percentile of latency.
    P95,
    /// Time that callers spent waiting.
    Impact,
}

impl EndpointSort {
    /// All of them, by their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("requests", Self::Requests),
        ("errors", Self::Errors),
        ("errorRate", Self::ErrorRate),
        ("p95", Self::P95),
        ("impact", Self::Impact),
    ];
}

/// An endpoint and its method, in one service and environment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The service.
    pub service: String,
    /// The environment; `null` where events carried none.
    #[schema(required)]
    pub environment: Option<String>,
    /// Route template.
    pub endpoint: String,
    /// Method.
    pub method: String,
    /// Requests.
    pub requests: u64,
    /// Part of the requests of all endpoints the question is about.
    #[schema(required)]
    pub share: Option<f64>,
    /// Errors.
    pub errors: u64,
    /// Errors by request.
    #[schema(required)]
    pub error_rate: Option<f64>,
    /// 4xx that are not errors.
    pub client_errors: u64,
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
    /// Sum of latencies: the time callers spent waiting, in milliseconds.
    #[schema(required)]
    pub impact_ms: Option<f64>,
    /// Start of the latest bucket with requests, RFC 3339: a minute if that was just now, else as wide as the range asks.
    #[schema(required)]
    pub last_seen: Option<String>,
    /// Requests over the range.
    pub spark: Spark,
}

/// A service in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub service: String,
    /// The environment; `null` where events carried none.
    #[schema(required)]
    pub environment: Option<String>,
    /// Requests.
    pub requests: u64,
    /// Part of the requests of all services the question is about.
    #[schema(required)]
    pub share: Option<f64>,
    /// Errors.
    pub errors: u64,
    /// Errors by request.
    #[schema(required)]
    pub error_rate: Option<f64>,
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
    /// Start of the latest bucket with requests, RFC 3339.
    #[schema(required)]
    pub last_seen: Option<String>,
    /// Requests over the range.
    pub spark: Spark,
}

/// Requests of one status.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCode {
    /// HTTP status; 0 = no response was sent.
    pub status: u16,
    /// Requests.
    pub requests: u64,
    /// Part of all requests.
    #[schema(required)]
    pub share: Option<f64>,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Ingest refuses its events.
    pub suspended: bool,
}
