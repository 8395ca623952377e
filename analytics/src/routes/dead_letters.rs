use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::HeaderMap,
};
use sendry_domain::dead_letter::DeadLetterId;
use sendry_store::ReplayError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::body;
use crate::{
    app::App,
    error::ApiError,
    openapi::Refused,
    params::{Params, TENANT, TenantParam},
    queries::{
        dead_letters::{page, query},
        replay,
    },
    views::{Data, DeadLetter, DeadLetterDetail},
};

/// The most characters of a reason.
const MAX_REASON: usize = 500;

/// Which letters; for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read by name, so that every mistake gets its own code"
)]
pub(super) struct ListParams {
    /// Only of this state, or `all`.
    #[param(inline)]
    state: Option<StateFilter>,
    /// At most so many.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum StateFilter {
    Open,
    Discarded,
    Replayed,
    Conflict,
    All,
}

/// A page of dead letters.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadLettersAnswer {
    /// Newest first.
    data: Vec<DeadLetter>,
    /// Where the next page starts; `null` at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A replay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayBody {
    /// A corrected event, to be counted in place of the stored one.
    #[schema(value_type = Option<Object>)]
    event: Option<Box<RawValue>>,
}

/// A discard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiscardBody {
    /// Why the event is given up.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Events that could not be counted, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters",
    operation_id = "getDeadLetters",
    tag = "pipeline",
    params(TenantParam, ListParams),
    responses((status = 200, description = "A page", body = DeadLettersAnswer), Refused),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Json<DeadLettersAnswer>, ApiError> {
    let params = params.only(&[TENANT, &["state", "limit", "cursor"]])?;
    let query = query(params)?;
    let tenant = app.tenants.find(params.tenant()).await?;
    let (data, next_cursor) = page(&app, &tenant, &query).await?;
    Ok(Json(DeadLettersAnswer { data, next_cursor }))
}

/// One of them, with the stored event.
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters/{id}",
    operation_id = "getDeadLetter",
    tag = "pipeline",
    params(("id" = String, Path, description = "`<messageId>.<position>`"), TenantParam),
    responses((status = 200, description = "The dead letter", body = Data<DeadLetterDetail>), Refused),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Data<DeadLetterDetail>>, ApiError> {
    let tenant = app.tenants.find(params.only(&[TENANT])?.tenant()).await?;
    let found = app.metrics.dead_letter(&tenant.id, read_id(&id)?).await?;
    let letter = found.ok_or(ReplayError::NotFound)?;
    Ok(Json(Data {
        data: letter.into(),
    }))
}

/// Counts it after all, once.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{id}/replay",
    operation_id = "replayDeadLetter",
    tag = "pipeline",
    params(("id" = String, Path, description = "`<messageId>.<position>`"), TenantParam),
    request_body = Option<ReplayBody>,
    responses((status = 200, description = "The dead letter, replayed", body = Data<DeadLetter>), Refused),
)]
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Data<DeadLetter>>, ApiError> {
    let tenant = app.tenants.find(params.only(&[TENANT])?.tenant()).await?;
    let id = read_id(&id)?;
    let body: Option<ReplayBody> = body::json(&headers, body)?;
    let corrected = body.and_then(|body| body.event);
    let corrected = corrected.as_deref().map(RawValue::get);
    let letter = replay::replay(&app, &tenant, id, corrected).await?;
    Ok(Json(Data {
        data: letter.into(),
    }))
}

/// Gives it up, for a reason.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{id}/discard",
    operation_id = "discardDeadLetter",
    tag = "pipeline",
    params(("id" = String, Path, description = "`<messageId>.<position>`"), TenantParam),
    request_body = DiscardBody,
    responses((status = 200, description = "The dead letter, discarded", body = Data<DeadLetter>), Refused),
)]
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Data<DeadLetter>>, ApiError> {
    let tenant = app.tenants.find(params.only(&[TENANT])?.tenant()).await?;
    let id = read_id(&id)?;
    let body: Option<DiscardBody> = body::json(&headers, body)?;
    let reason = body.map(|body| body.reason).unwrap_or_default();
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        let detail = format!("a discard needs a reason of 1 to {MAX_REASON} characters");
        let hint = "send `{\"reason\": \"…\"}`: whoever looks later will want to know";
        return Err(ApiError::invalid("invalid_reason", detail, hint));
    }
    let letter = app.metrics.discard(&tenant.id, id, reason, app.now());
    Ok(Json(Data {
        data: letter.await?.into(),
    }))
}

/// What is no id names no letter.
fn read_id(text: &str) -> Result<DeadLetterId, ApiError> {
    Ok(text.parse().map_err(|_| ReplayError::NotFound)?)
}
