//! The shapes of answers, which are also the schemas of `openapi.json`.
//!
//! What may be unknown is `null` and always present. Latencies are milliseconds, to the microsecond; sizes are bytes.

mod dead_letter;
mod latency;
mod ledger;
mod lists;
mod meta;
mod problem;
mod summary;
mod timeseries;

pub use dead_letter::{DeadLetter, DeadLetterDetail, DeadLetterState};
pub use latency::Latency;
pub use ledger::{DeadLetterCounts, Ledger, ParkedDepth, QueueDepth};
pub use lists::{Endpoint, EndpointSort, Service, Spark, StatusCode, Tenant};
pub use meta::Meta;
pub use problem::Problem;
pub use summary::Summary;
pub use timeseries::Timeseries;

use sendry_domain::time::UnixMillis;

/// An answer of one value.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Data<T> {
    /// The value.
    pub data: T,
}

/// An analytics answer.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Answer<T> {
    /// The value.
    pub data: T,
    /// What it covers.
    pub meta: Meta,
}

/// `part` of `whole`; unknown of nothing.
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A moment as it is shown. Every moment that is stored or asked for has a year that can be written.
pub(crate) fn shown(at: UnixMillis) -> String {
    at.to_rfc3339().unwrap_or_default()
}
