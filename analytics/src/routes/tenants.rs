use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::Params,
    views::{Data, Tenant},
};

/// Which tenants there are, by name.
#[utoipa::path(
    get,
    path = "/api/v1/tenants",
    operation_id = "getTenants",
    tag = "settings",
    responses((status = 200, description = "All tenants", body = Data<Vec<Tenant>>), Refused),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<Data<Vec<Tenant>>>, ApiError> {
    params.only(&[])?;
    let snapshot = app.tenants.snapshot().await?;
    let tenants = snapshot.tenants.iter().map(|tenant| Tenant {
        name: tenant.id.to_string(),
        suspended: tenant.suspended,
    });
    let mut data: Vec<_> = tenants.collect();
    data.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Json(Data { data }))
}
