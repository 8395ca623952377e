//! What the admin listener serves: `/livez`, `/readyz` and `/metrics`.
//!
//! It has its own port, so that the probes and the scrape neither need the public port's
//! credentials nor queue behind its traffic, and so that nobody outside reads them.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error_chain::chain;
use crate::health::{Health, Report};
use crate::metrics::{CONTENT_TYPE, Metrics};

#[derive(Clone)]
struct Admin {
    health: Health,
    metrics: Metrics,
}

/// The routes of the admin listener.
///
/// The probes answer 200 `ok` or 503; with `?verbose`, and whenever they fail, one line a
/// component.
pub fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state(Admin { health, metrics })
}

async fn livez(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Response {
    answer(&admin.health.liveness(), query.as_deref())
}

async fn readyz(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Response {
    answer(&admin.health.readiness(), query.as_deref())
}

fn answer(report: &Report, query: Option<&str>) -> Response {
    if !report.ok() {
        return (StatusCode::SERVICE_UNAVAILABLE, report.to_string()).into_response();
    }
    let mut parameters = query.unwrap_or_default().split('&');
    if parameters.any(|pair| pair.split('=').next() == Some("verbose")) {
        report.to_string().into_response()
    } else {
        "ok\n".into_response()
    }
}

async fn scrape(State(admin): State<Admin>) -> Response {
    match admin.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(error = %chain(&error), "scrape failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::metrics::MetricsBuilder;

    async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn admin() -> (Health, Router) {
        let health = Health::new();
        let metrics = MetricsBuilder::new().build_info("test", "0").build();
        (health.clone(), router(health, metrics))
    }

    #[tokio::test]
    async fn readyz_is_terse_when_well_and_tells_all_when_not() {
        let (health, router) = admin();
        let queue = health.component("queue");
        queue.ready();
        assert_eq!(
            ask(&router, "/readyz").await,
            (StatusCode::OK, "ok\n".into())
        );
        let (status, body) = ask(&router, "/readyz?verbose").await;
        assert_eq!(
            (status, &*body),
            (StatusCode::OK, "[+]queue ok\nreadyz check passed\n")
        );

        queue.not_ready("no connection");
        let (status, body) = ask(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            body,
            "[-]queue failed: no connection\nreadyz check failed\n"
        );
        assert_eq!(
            ask(&router, "/livez").await.0,
            StatusCode::OK,
            "alive all the same"
        );
    }

    #[tokio::test]
    async fn metrics_are_served_as_open_metrics() {
        let (_, router) = admin();
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
        assert!(
            ask(&router, "/metrics")
                .await
                .1
                .contains("sendry_build_info")
        );
    }
}
