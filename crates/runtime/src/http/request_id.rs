//! A name for every request, told to the client and found in our logs.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::Problem;

/// Where the id comes from and goes to.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LEN: usize = 64;

/// The id of one request: the client's, if it is 1..64 of `[A-Za-z0-9._-]`, else a new UUIDv7.
///
/// As an extractor it never fails.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new id, sortable by time.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// The client's own id, if it is well-formed.
    #[must_use]
    pub fn from_client(text: &str) -> Option<Self> {
        let fits = (1..=MAX_LEN).contains(&text.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (fits && text.bytes().all(plain)).then(|| Self(text.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(headers: &HeaderMap) -> Self {
        let sent = headers
            .get(X_REQUEST_ID)
            .and_then(|value| value.to_str().ok());
        sent.and_then(Self::from_client).unwrap_or_default()
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Kept, so that two extractions of one request agree even without the layer.
        Ok(parts.extensions.get_or_insert_with(Self::new).clone())
    }
}

/// Middleware: puts a [`RequestId`] into the request's extensions and into the response's
/// `X-Request-Id`, and completes a [`Problem`] that has none.
pub async fn request_id(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = complete(response, problem.request_id(id.clone()));
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// The same response with the completed problem as its body, unless a layer between has encoded
/// the body, when it is no longer ours to replace.
fn complete(response: Response, problem: Problem) -> Response {
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Json(problem.document()).into_response().into_body())
}
