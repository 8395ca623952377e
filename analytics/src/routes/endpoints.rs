use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, READ, ReadParams},
    queries::{endpoints::endpoints, read::Read},
    views::{Endpoint, EndpointSort, Meta},
};

/// The most endpoints of an answer.
const MAX_LIMIT: u32 = 1_000;

/// How endpoints are listed; for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read by name, so that every mistake gets its own code"
)]
pub(super) struct ListParams {
    /// What they are sorted by, largest first.
    #[param(inline = false, default = "requests")]
    sort: Option<EndpointSort>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Endpoints, and how many there are.
#[derive(Serialize, ToSchema)]
pub(super) struct EndpointsAnswer {
    /// The first of them.
    data: Vec<Endpoint>,
    /// How many there are in all.
    total: usize,
    /// What they cover.
    meta: Meta,
}

/// Which endpoints get the traffic, fail, or are slow.
#[utoipa::path(
    get,
    path = "/api/v1/endpoints",
    operation_id = "getEndpoints",
    tag = "analytics",
    params(ReadParams, ListParams),
    responses((status = 200, description = "Endpoints that had requests", body = EndpointsAnswer), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<EndpointsAnswer>, ApiError> {
    let params = params.only(&[READ, &["sort", "limit"]])?;
    let (sort, limit) = (sort(params)?, params.limit(100, MAX_LIMIT)?);
    let read = Read::begin(&app, params).await?;
    let (data, total) = endpoints(&read, sort, limit as usize).await?;
    let meta = read.meta().await?;
    Ok(Json(EndpointsAnswer { data, total, meta }))
}

fn sort(params: &Params) -> Result<EndpointSort, ApiError> {
    let Some(text) = params.get("sort") else {
        return Ok(EndpointSort::default());
    };
    let found = EndpointSort::ALL
        .into_iter()
        .find(|(word, _)| *word == text);
    found.map(|(_, sort)| sort).ok_or_else(|| {
        let hint = "use requests, errors, errorRate, p95 or impact";
        ApiError::invalid("invalid_sort", "`sort` is not an order", hint)
    })
}
