//! The routes, one file a question: what comes in, who answers, what goes out.

mod body;
mod dead_letters;
mod endpoints;
mod ledger;
mod openapi;
mod original;
mod services;
mod status_codes;
mod summary;
mod tenants;
mod timeseries;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use sendry_runtime::http::{Problem, method_not_allowed, no_store};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Analytics,
    access::require,
    app::App,
    openapi::Document,
    telemetry::{Watch, measure},
};

/// The largest body, in bytes: an event has at most a fraction of it.
const MAX_BODY: usize = 1024 * 1024;

/// All routes of the API. Paths it does not have are left to the caller's fallback
/// ([`sendry_runtime::http::not_found`]), and so are the layers every listener has.
pub fn router(analytics: Analytics) -> Router {
    let access = Arc::new(analytics.access.clone());
    let watch: Watch = (analytics.telemetry.clone(), analytics.clock.clone());
    let (routes, _) = documented().split_for_parts();
    routes
        .merge(original::routes())
        .merge(openapi::routes())
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .route_layer(from_fn(no_store))
        .route_layer(from_fn_with_state(access, require))
        .route_layer(from_fn_with_state(watch, measure))
        .with_state(Arc::new(App::new(analytics)))
}

/// The routes that `openapi.json` describes.
pub(crate) fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(summary::get))
        .routes(routes!(timeseries::get))
        .routes(routes!(endpoints::get))
        .routes(routes!(status_codes::get))
        .routes(routes!(services::get))
        .routes(routes!(ledger::get))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::get))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(dead_letters::discard))
        .routes(routes!(tenants::list))
}

async fn other_method() -> Problem {
    let hint = "GET /api/v1/openapi.json lists the methods of every path";
    method_not_allowed().await.hint(hint)
}
