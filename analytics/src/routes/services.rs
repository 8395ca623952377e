use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, READ, ReadParams},
    queries::{read::Read, services::services},
    views::{Answer, Service},
};

/// How the services do, the busiest first.
#[utoipa::path(
    get,
    path = "/api/v1/services",
    operation_id = "getServices",
    tag = "analytics",
    params(ReadParams),
    responses((status = 200, description = "Services that had requests", body = Answer<Vec<Service>>), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<Answer<Vec<Service>>>, ApiError> {
    let read = Read::begin(&app, params.only(&[READ])?).await?;
    let data = services(&read).await?;
    let meta = read.meta().await?;
    Ok(Json(Answer { data, meta }))
}
