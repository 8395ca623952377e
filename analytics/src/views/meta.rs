use serde::Serialize;
use utoipa::ToSchema;

use crate::range::Step;

/// What an answer covers, and how far it can be trusted.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// First moment covered, RFC 3339: what was asked for, moved down to the start of a step.
    pub from: String,
    /// Exclusive end, RFC 3339: what was asked for, moved up to the end of a bucket.
    pub to: String,
    /// Zone of days and months.
    pub tz: String,
    /// Width of a point.
    pub step: Step,
    /// Everything accepted before this time is counted; `null` when the queue cannot be asked.
    #[schema(required)]
    pub complete_through: Option<String>,
    /// Events received in all, for the tenant.
    pub received: i64,
    /// Of them, counted by the hour only, being too old for the minute level.
    pub late: i64,
    /// Events the SDKs report as dropped; `null` until one reports.
    #[schema(required)]
    pub sdk_dropped: Option<i64>,
    /// A percentile is off by at most this part of its value.
    pub percentile_max_rel_error: f64,
    /// Days of the zone were taken to start on the hour, since minutes of that time are dropped.
    pub tz_approximate: bool,
    /// How long the answer took, in milliseconds.
    pub query_ms: u64,
}
