use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;

use super::super::*;

#[tokio::test]
async fn members_come_in_their_order_and_the_standard_ones_cannot_be_replaced() {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "backlog_full")
        .type_uri("https://docs.example/backlog-full")
        .title("Queue full")
        .detail("the queue of tenant `acme` is full")
        .hint("send it again later")
        .request_id(RequestId::from_client("r-1").unwrap())
        .retry_after(Duration::from_millis(1_200))
        .member("success", false)
        .member("code", "another");
    let response = problem.into_response();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        str::from_utf8(&body).unwrap(),
        concat!(
            r#"{"type":"https://docs.example/backlog-full","title":"Queue full","status":503,"#,
            r#""detail":"the queue of tenant `acme` is full","code":"backlog_full","#,
            r#""hint":"send it again later","requestId":"r-1","success":false}"#
        )
    );
}

#[tokio::test]
async fn what_is_not_given_is_absent() {
    let response = Problem::new(StatusCode::NOT_FOUND, "not_found").into_response();
    assert!(!response.headers().contains_key(header::RETRY_AFTER));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let expected = r#"{"type":"about:blank","title":"Not Found","status":404,"code":"not_found"}"#;
    assert_eq!(str::from_utf8(&body).unwrap(), expected);
}

#[test]
fn trying_again_at_once_is_still_a_second() {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    let response = problem.retry_after(Duration::ZERO).into_response();
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}
