use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, TENANT, TenantParam},
    queries::ledger::ledger,
    views::{Data, Ledger},
};

/// Whether every event received is accounted for, and what still waits.
#[utoipa::path(
    get,
    path = "/api/v1/pipeline/ledger",
    operation_id = "getLedger",
    tag = "pipeline",
    params(TenantParam),
    responses((status = 200, description = "The account", body = Data<Ledger>), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<Data<Ledger>>, ApiError> {
    let name = params.only(&[TENANT])?.tenant();
    let tenant = app.tenants.find(name).await?;
    let data = ledger(&app, &tenant).await?;
    Ok(Json(Data { data }))
}
