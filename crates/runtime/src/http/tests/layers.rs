use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::get;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::super::*;

fn app() -> Router {
    let routes = Router::new()
        .route("/id", get(|id: RequestId| async move { id.to_string() }))
        .route("/panic", get(panicking))
        .route(
            "/framed",
            get(|| async { [(header::CONTENT_SECURITY_POLICY, "default-src 'self'")] }),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    standard_layers(routes)
}

async fn panicking() {
    panic!("secret detail");
}

async fn ask(path: &str, id: Option<&str>) -> Response<Body> {
    let mut request = Request::get(path);
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    app()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_well_formed_id_is_kept_and_echoed() {
    let response = ask("/id", Some("Job_7.retry-2")).await;
    assert_eq!(response.headers()["x-request-id"], "Job_7.retry-2");
    assert_eq!(text(response).await, "Job_7.retry-2");
}

#[tokio::test]
async fn any_other_id_is_replaced_by_a_uuid() {
    let long = "x".repeat(65);
    for sent in [
        None,
        Some(""),
        Some("a b"),
        Some("a\u{e9}"),
        Some("a;b"),
        Some(&*long),
    ] {
        let response = ask("/id", sent).await;
        let told = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            told.parse::<uuid::Uuid>().unwrap().get_version_num(),
            7,
            "for {sent:?}"
        );
        assert_eq!(
            text(response).await,
            told,
            "handler and client know the same id"
        );
    }
    assert!(RequestId::from_client(&"x".repeat(64)).is_some());
}

#[tokio::test]
async fn a_panic_is_answered_as_a_problem_with_the_request_id() {
    let response = ask("/panic", Some("r-1")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.headers()["x-request-id"], "r-1");
    assert_eq!(
        response.headers()[header::X_CONTENT_TYPE_OPTIONS],
        "nosniff"
    );
    let body = text(response).await;
    assert!(!body.contains("secret detail"), "{body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["code"], "internal");
    assert_eq!(problem["requestId"], "r-1");
    assert_eq!(problem["status"], 500);
}

#[tokio::test]
async fn a_handlers_problem_gets_the_request_id() {
    let response = ask("/nowhere", Some("r-2")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let problem: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(problem["requestId"], "r-2");
    assert_eq!(problem["code"], "not_found");
}

#[tokio::test]
async fn security_headers_do_not_replace_a_handlers_own() {
    let response = ask("/id", None).await;
    assert_eq!(response.headers()[header::REFERRER_POLICY], "same-origin");
    assert_eq!(
        response.headers()[header::CONTENT_SECURITY_POLICY],
        "frame-ancestors 'none'"
    );
    let response = ask("/framed", None).await;
    assert_eq!(
        response.headers()[header::CONTENT_SECURITY_POLICY],
        "default-src 'self'"
    );
}

#[tokio::test]
async fn no_store_is_said_where_nothing_is_said_of_caching() {
    let routes = Router::new()
        .route("/data", get(|| async { "x" }))
        .route(
            "/asset",
            get(|| async { [(header::CACHE_CONTROL, "max-age=60")] }),
        )
        .layer(from_fn(no_store));
    for (path, expected) in [("/data", "no-store"), ("/asset", "max-age=60")] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], expected);
    }
}
