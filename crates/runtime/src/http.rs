//! How an HTTP request is accepted, named, guarded and refused.
//!
//! [`serve`] is the accept loop with its limits and its orderly end; [`standard_layers`] names
//! every request, turns panics into answers and sets the security headers; [`Problem`] is the one
//! shape of a refusal.

mod catch_panic;
mod head_watch;
mod limits;
mod problem;
mod request_id;
mod security;
mod serve;

use axum::Router;
use axum::middleware::from_fn;

pub use catch_panic::catch_panic;
pub use limits::ServeLimits;
pub use problem::Problem;
pub use request_id::{RequestId, request_id};
pub use security::{no_store, security_headers};
pub use serve::{Served, serve};

/// Wraps a router, routes and fallback, in the layers every listener has, outermost first:
/// [`security_headers`], [`request_id`], [`catch_panic`].
pub fn standard_layers(router: Router) -> Router {
    router
        .layer(from_fn(catch_panic))
        .layer(from_fn(request_id))
        .layer(from_fn(security_headers))
}

/// A fallback for paths no route has: 404 as a [`Problem`].
pub async fn not_found() -> Problem {
    Problem::new(axum::http::StatusCode::NOT_FOUND, "not_found").detail("no resource has this path")
}

/// A fallback for methods a route does not have: 405 as a [`Problem`].
pub async fn method_not_allowed() -> Problem {
    Problem::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
    )
    .detail("this path does not take this method")
}

#[cfg(test)]
mod tests;
