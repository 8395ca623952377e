use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, READ, ReadParams},
    queries::{read::Read, timeseries::timeseries},
    views::{Answer, Timeseries},
};

/// Numbers by point in time.
#[utoipa::path(
    get,
    path = "/api/v1/timeseries",
    operation_id = "getTimeseries",
    tag = "analytics",
    params(ReadParams),
    responses((status = 200, description = "Columns of equal length", body = Answer<Timeseries>), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<Answer<Timeseries>>, ApiError> {
    let read = Read::begin(&app, params.only(&[READ])?).await?;
    let data = timeseries(&read).await?;
    let meta = read.meta().await?;
    Ok(Json(Answer { data, meta }))
}
