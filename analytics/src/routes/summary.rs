use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, READ, ReadParams},
    queries::{read::Read, summary::summary},
    views::{Meta, Summary},
};

/// A range, and the time before it.
#[derive(Serialize, ToSchema)]
pub(super) struct SummaryAnswer {
    /// The range.
    data: Summary,
    /// As much time as has passed of the range, just before it.
    previous: Summary,
    /// What `data` covers.
    meta: Meta,
}

/// How much, how well, how fast; and how it was before.
#[utoipa::path(
    get,
    path = "/api/v1/summary",
    operation_id = "getSummary",
    tag = "analytics",
    params(ReadParams),
    responses((status = 200, description = "The range in numbers", body = SummaryAnswer), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<SummaryAnswer>, ApiError> {
    let read = Read::begin(&app, params.only(&[READ])?).await?;
    let (data, previous) = summary(&read).await?;
    let meta = read.meta().await?;
    Ok(Json(SummaryAnswer {
        data,
        previous,
        meta,
    }))
}
