//! Reading a JSON body, or that there is none.

use axum::{
    body::Bytes,
    extract::rejection::BytesRejection,
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The body as `T`; `None` where nothing was sent.
///
/// A body must say that it is JSON: pages of other sites can send forms and plain text without being asked, but not that.
pub(super) fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Option<T>, ApiError> {
    let body = body.map_err(|rejection| ApiError::Body {
        status: rejection.status(),
        code: if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            "payload_too_large"
        } else {
            "unreadable_body"
        },
        detail: rejection.body_text(),
        hint: "a body may have 1 MiB",
    })?;
    if body.is_empty() {
        return Ok(None);
    }
    if !is_json(headers) {
        return Err(ApiError::Body {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "unsupported_media_type",
            detail: "the body is not declared as JSON".to_owned(),
            hint: "send `Content-Type: application/json`",
        });
    }
    match serde_json::from_slice(&body) {
        Ok(value) => Ok(value),
        Err(error) if error.is_data() => Err(ApiError::invalid(
            "invalid_body",
            error.to_string(),
            "docs/API.md and /api/v1/openapi.json have the fields",
        )),
        Err(error) => Err(ApiError::Body {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_json",
            detail: error.to_string(),
            hint: "the body must be one JSON object",
        }),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE);
    let text = sent.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    media.eq_ignore_ascii_case("application/json")
}
