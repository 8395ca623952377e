//! Paths and methods that are not served.

use axum::{body::Body, http::Request};

use crate::{
    client::{BATCH, PEER, ROUTES},
    harness::Stage,
};

#[tokio::test]
async fn a_path_that_is_none_is_404() {
    let stage = Stage::new().await;
    for path in [
        "/",
        "/api/v1/event",
        "/api/v1/events/",
        "/api/v1/events/7",
        "/API/HIT",
    ] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        stage
            .send_from(PEER, request)
            .await
            .refused(404, "not_found");
    }
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn another_method_is_405_and_told_which_one_is_right() {
    let stage = Stage::new().await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"] {
        for route in ROUTES {
            let request = Request::builder().method(method).uri(route);
            let reply = stage
                .send_from(PEER, request.body(Body::empty()).unwrap())
                .await;
            reply.refused_on(route, 405, "method_not_allowed");
            assert_eq!(reply.header("allow"), Some("POST"), "{method} {route}");
        }
    }
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn a_refusal_keeps_the_clients_request_id() {
    let stage = Stage::new().await;
    let request = Request::post(BATCH).header("x-request-id", "theirs-7");
    let reply = stage
        .send_from(PEER, request.body(Body::empty()).unwrap())
        .await;
    let problem = reply.refused(401, "missing_key");
    assert_eq!(problem["requestId"], "theirs-7");
}
