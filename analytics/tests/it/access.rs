use axum::{body::Body, http::Request};
use prometheus_client::registry::Registry;
use sendry_analytics::{Access, ApiToken, RequestMetrics, openapi_json};
use serde_json::{Value, json};

use crate::harness::{Api, refusal};

async fn ask(api: &Api, path: &str, authorization: Option<&str>) -> crate::harness::Reply {
    let mut request = Request::get(path);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn with_a_token_every_route_needs_it() {
    let token = ApiToken::new("s3cret-token").unwrap();
    assert_eq!(format!("{token:?}"), "ApiToken([redacted])");
    assert!(ApiToken::new("  ").is_none());
    let api = Api::new().await.with(|a| a.access = Access::Token(token));
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let mut paths: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    paths.extend(
        [
            "/api/v1/openapi.json",
            "/api/analytics/stats",
            "/api/analytics/dashboard",
        ]
        .map(String::from),
    );
    for path in &paths {
        let reply = ask(&api, &path.replace("{id}", "x.1"), None).await;
        // A path that only takes POST may say so first.
        if reply.status != 405 {
            refusal(&reply, 401, "unauthorized");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
    let post = api.post("/api/v1/dead-letters/x.1/discard", None).await;
    refusal(&post, 401, "unauthorized");
    for wrong in [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        "Basic s3cret-token",
        "s3cret-token",
        "Bearer s3cret-token2",
    ] {
        refusal(
            &ask(&api, "/api/v1/tenants", Some(wrong)).await,
            401,
            "unauthorized",
        );
    }
    for right in ["Bearer s3cret-token", "bearer s3cret-token"] {
        assert_eq!(ask(&api, "/api/v1/tenants", Some(right)).await.status, 200);
    }
}

#[tokio::test]
async fn answers_are_not_to_be_stored_and_carry_their_request() {
    let api = Api::new().await;
    let reply = api.get("/api/v1/tenants").await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(reply.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let reply = Api::new().await.get("/api/v1/openapi.json").await;
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.text, openapi_json());
    assert_eq!(reply.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    let found = document.pointer(to.trim_start_matches('#'));
                    assert!(found.is_some(), "{to} leads nowhere");
                }
                fields.values().for_each(|v| walk(v, document));
            }
            Value::Array(items) => items.iter().for_each(|v| walk(v, document)),
            _ => {}
        }
    }
    let document = serde_json::from_str(&openapi_json()).unwrap();
    walk(&document, &document);
}

#[tokio::test]
async fn durations_are_measured_by_route_template() {
    let mut registry = Registry::default();
    let telemetry = RequestMetrics::register(&mut registry);
    let api = Api::new().await.with(|a| a.telemetry = telemetry);
    api.get("/api/v1/tenants").await;
    api.get("/api/v1/dead-letters/00000000-0000-0000-0000-000000000001.0")
        .await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for labels in [
        r#"route="/api/v1/tenants",method="GET",status="2xx""#,
        r#"route="/api/v1/dead-letters/{id}",method="GET",status="4xx""#,
    ] {
        let line = format!("sendry_analytics_request_duration_seconds_count{{{labels}}} 1");
        assert!(text.contains(&line), "{text}");
    }
    assert_eq!(
        api.ok("/api/v1/tenants").await["data"][0],
        json!({"name": "default", "suspended": false})
    );
}
