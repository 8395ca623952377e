//! Who may ask.

use std::{fmt, net::IpAddr, sync::Arc};

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
        return match stranger(&request) {
            Some(why) => Problem::new(StatusCode::FORBIDDEN, "foreign_page")
                .detail(why)
                .hint("open the dashboard by the address that `sendry up` printed, or set `api-token`")
                .into_response(),
            None => next.run(request).await,
        };
    };
    let sent = request.headers().get(header::AUTHORIZATION);
    match sent.and_then(|value| bearer(value.to_str().ok()?)) {
        Some(sent) if token.admits(sent) => next.run(request).await,
        Some(_) => refuse("the bearer token is not the right one"),
        None => refuse("this API needs a bearer token"),
    }
}

/// Without a token the browser is the only guard of a server on loopback, so what comes from a foreign page is refused:
/// a write from another site, and anything under a name that only pretends to be this machine (DNS rebinding).
fn stranger(request: &Request) -> Option<&'static str> {
    let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    if !request.method().is_safe() && text("sec-fetch-site") == Some("cross-site") {
        return Some("a page of another site may not change anything here");
    }
    let host = text("host")?;
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let address = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    let known = name.eq_ignore_ascii_case("localhost") || address.is_ok();
    (!known).then_some("without a token this API answers to its IP address and to `localhost` only")
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

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refused(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        stranger(&request.body(Body::empty()).unwrap()).is_some()
    }

    #[test]
    fn foreign_pages_are_refused_where_there_is_no_token() {
        assert!(refused("POST", &[("sec-fetch-site", "cross-site")]));
        assert!(!refused("GET", &[("sec-fetch-site", "cross-site")]));
        assert!(!refused(
            "POST",
            &[
                ("sec-fetch-site", "same-origin"),
                ("host", "localhost:8080")
            ]
        ));
        for host in [
            "127.0.0.1:8080",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(!refused("GET", &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
        ] {
            assert!(refused("GET", &[("host", host)]), "{host}");
        }
    }
}
