//! The read routes of the original platform, under their old paths and in their old envelope, answered by the same
//! queries as `/api/v1`.

use std::{future::Future, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

use crate::{
    app::App,
    error::ApiError,
    params::{Params, READ},
    queries::{endpoints, read::Read, summary, timeseries},
    views::{Endpoint, EndpointSort, Summary, Timeseries, ratio, shown},
};
use sendry_domain::time::UnixMillis;

/// The most endpoints of an answer.
const MAX_LIMIT: u32 = 1_000;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/analytics/stats", get(stats))
        .route("/api/analytics/top-endpoints", get(top_endpoints))
        .route("/api/analytics/error-trends", get(error_trends))
        .route("/api/analytics/latency-percentiles", get(latency))
        .route("/api/analytics/dashboard", get(dashboard))
}

/// The original's envelope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    success: bool,
    status_code: u16,
    message: &'static str,
    data: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorPoint {
    timestamp: String,
    requests: u64,
    errors: u64,
    error_rate: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Percentiles {
    average_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dashboard {
    latency_percentiles: Percentiles,
    stats: Summary,
    top_endpoints: Vec<Endpoint>,
    error_trends: Vec<ErrorPoint>,
}

async fn stats(State(app): State<Arc<App>>, params: Params) -> Response {
    let answer = async {
        let read = Read::begin(&app, params.only(&[READ])?).await?;
        Ok(summary::summary(&read).await?.0)
    };
    envelope("Statistics fetched", answer).await
}

async fn top_endpoints(State(app): State<Arc<App>>, params: Params) -> Response {
    let answer = async {
        let params = params.only(&[READ, &["limit"]])?;
        let limit = params.limit(10, MAX_LIMIT)?;
        top(&Read::begin(&app, params).await?, limit).await
    };
    envelope("Top endpoints fetched", answer).await
}

async fn error_trends(State(app): State<Arc<App>>, params: Params) -> Response {
    let answer = async {
        let read = Read::begin(&app, params.only(&[READ])?).await?;
        Ok(trends(&timeseries::timeseries(&read).await?))
    };
    envelope("Error trends fetched", answer).await
}

async fn latency(State(app): State<Arc<App>>, params: Params) -> Response {
    let answer = async {
        let read = Read::begin(&app, params.only(&[READ])?).await?;
        Ok(percentiles(&summary::summary(&read).await?.0))
    };
    envelope("Latency percentiles fetched", answer).await
}

async fn dashboard(State(app): State<Arc<App>>, params: Params) -> Response {
    let answer = async {
        let params = params.only(&[READ, &["limit"]])?;
        let limit = params.limit(10, MAX_LIMIT)?;
        let read = Read::begin(&app, params).await?;
        let (stats, _) = summary::summary(&read).await?;
        Ok(Dashboard {
            latency_percentiles: percentiles(&stats),
            stats,
            top_endpoints: top(&read, limit).await?,
            error_trends: trends(&timeseries::timeseries(&read).await?),
        })
    };
    envelope("Dashboard fetched", answer).await
}

async fn top(read: &Read<'_>, limit: u32) -> Result<Vec<Endpoint>, ApiError> {
    let (rows, _) = endpoints::endpoints(read, EndpointSort::Requests, limit as usize).await?;
    Ok(rows)
}

fn percentiles(stats: &Summary) -> Percentiles {
    Percentiles {
        average_ms: stats.average_ms,
        p50_ms: stats.p50_ms,
        p95_ms: stats.p95_ms,
        p99_ms: stats.p99_ms,
        max_ms: stats.max_ms,
    }
}

fn trends(series: &Timeseries) -> Vec<ErrorPoint> {
    let points = series.t.iter().zip(&series.errors).enumerate();
    points
        .map(|(at, (t, errors))| {
            let requests = series.requests.values().map(|class| class[at]).sum();
            ErrorPoint {
                timestamp: shown(UnixMillis(*t)),
                requests,
                errors: *errors,
                error_rate: ratio(*errors, requests),
            }
        })
        .collect()
}

/// The answer in the envelope, or a problem that also says `success: false`.
async fn envelope<T: Serialize>(
    message: &'static str,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Response {
    match answer.await {
        Ok(data) => Json(Envelope {
            success: true,
            status_code: 200,
            message,
            data,
        })
        .into_response(),
        Err(error) => error.problem().member("success", false).into_response(),
    }
}
