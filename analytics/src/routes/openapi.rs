use std::sync::Arc;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{app::App, openapi::openapi_json};

/// `GET /api/v1/openapi.json`.
pub(super) fn routes() -> Router<Arc<App>> {
    let document: Arc<str> = openapi_json().into();
    let answer = move || {
        let document = document.clone();
        async move { serve(&document) }
    };
    Router::new().route("/api/v1/openapi.json", get(answer))
}

fn serve(document: &str) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, document.to_owned()).into_response()
}
