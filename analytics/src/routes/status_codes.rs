use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, READ, ReadParams},
    queries::{read::Read, status_codes::status_codes},
    views::{Answer, StatusCode},
};

/// Which statuses were answered, the most frequent first.
#[utoipa::path(
    get,
    path = "/api/v1/status-codes",
    operation_id = "getStatusCodes",
    tag = "analytics",
    params(ReadParams),
    responses((status = 200, description = "Statuses that occur", body = Answer<Vec<StatusCode>>), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<Answer<Vec<StatusCode>>>, ApiError> {
    let read = Read::begin(&app, params.only(&[READ])?).await?;
    let data = status_codes(&read).await?;
    let meta = read.meta().await?;
    Ok(Json(Answer { data, meta }))
}
