//! Who may ask.

use std::{fmt, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sendry_runtime::http::Problem;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a request must bring. The caller decides, by where it listens: **off loopback it must be a token**, since
/// whoever reaches the port reads every tenant and may replay and discard.
#[derive(Clone, Debug)]
pub enum Access {
    /// Nothing. For loopback only.
    Open,
    /// `Authorization: Bearer <token>`.
    Token(ApiToken),
}

/// A bearer token that is never printed; only its hash is kept.
#[derive(Clone)]
pub struct ApiToken([u8; 32]);

impl ApiToken {
    /// `None` for a blank token, which would let everybody in.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(hash(text)))
    }

    /// Takes the same time whatever was sent: hashes of equal length are compared without an early exit.
    fn admits(&self, sent: &str) -> bool {
        self.0.ct_eq(&hash(sent)).into()
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken([redacted])")
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Middleware: lets a request with the token pass.
pub(crate) async fn require(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    let Access::Token(token) = access.as_ref() else {
        return next.run(request).await;
    };
    let sent = request.headers().get(header::AUTHORIZATION);
    match sent.and_then(|value| bearer(value.to_str().ok()?)) {
        Some(sent) if token.admits(sent) => next.run(request).await,
        Some(_) => refuse("the bearer token is not the right one"),
        None => refuse("this API needs a bearer token"),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refuse(detail: &'static str) -> Response {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized")
        .detail(detail)
        .hint("send `Authorization: Bearer <token>` with the value of the setting `api-token`");
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
