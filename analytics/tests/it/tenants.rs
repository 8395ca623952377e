use sendry_domain::{message::Scope, window::Window};
use sendry_store::{ControlStore, TenantRecord};
use serde_json::json;

use crate::{
    events::{event, known},
    harness::{Api, tenant},
    stubs::NoControl,
};

#[tokio::test]
async fn a_tenant_sees_its_own_only() {
    let api = Api::new().await;
    api.count(&known()).await;
    let other = [
        event("2026-04-02T10:00:00Z", 1.0),
        json!({"serviceName": "broken"}),
    ];
    api.count_message(api.message("other", Scope::Live, &other))
        .await;
    let requests = |answer: serde_json::Value| answer["data"]["requests"].clone();
    assert_eq!(requests(api.ok("/api/v1/summary?from=now-1h").await), 6);
    assert_eq!(
        requests(api.ok("/api/v1/summary?from=now-1h&tenant=other").await),
        1
    );
    assert_eq!(
        api.ok("/api/v1/summary?tenant=other").await["meta"]["received"],
        2
    );
    assert_eq!(api.ok("/api/v1/dead-letters").await["data"], json!([]));
    let theirs = api.ok("/api/v1/dead-letters?tenant=other").await;
    let id = theirs["data"][0]["id"].as_str().unwrap().to_owned();
    api.refused(&format!("/api/v1/dead-letters/{id}"), 404, "not_found")
        .await;
    for act in ["replay", "discard"] {
        let reply = api
            .post(
                &format!("/api/v1/dead-letters/{id}/{act}"),
                Some(r#"{"reason":"x"}"#),
            )
            .await;
        assert!(
            [404, 422].contains(&reply.status.as_u16()),
            "{}",
            reply.text
        );
    }
    let reply = api
        .post(
            &format!("/api/v1/dead-letters/{id}/discard"),
            Some(r#"{"reason":"x"}"#),
        )
        .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn an_unknown_tenant_is_not_found_on_every_route() {
    let api = Api::new().await;
    for route in [
        "summary",
        "timeseries",
        "endpoints",
        "status-codes",
        "services",
        "pipeline/ledger",
        "dead-letters",
        "dead-letters/x.1",
    ] {
        for name in ["nobody", "NOT%20A%20NAME"] {
            api.refused(
                &format!("/api/v1/{route}?tenant={name}"),
                404,
                "unknown_tenant",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn tenants_are_listed_and_a_new_one_is_seen_within_a_second() {
    let api = Api::new().await;
    let both = json!({"data": [{"name": "default", "suspended": false}, {"name": "other", "suspended": true}]});
    assert_eq!(api.ok("/api/v1/tenants").await, both);
    let record = TenantRecord {
        id: tenant("third"),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: 1,
        retained_at: None,
        stamp: None,
    };
    api.store.put_tenant(&record).await.unwrap();
    api.refused("/api/v1/summary?tenant=third", 404, "unknown_tenant")
        .await;
    api.clock.advance(1_000);
    api.ok("/api/v1/summary?tenant=third").await;
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_a_time_to_retry() {
    let api = Api::new()
        .await
        .with(|a| a.control = std::sync::Arc::new(NoControl));
    let reply = api.get("/api/v1/summary").await;
    crate::harness::refusal(&reply, 503, "store_unavailable");
    assert_eq!(reply.headers["retry-after"], "2");
    crate::harness::refusal(&api.get("/api/v1/tenants").await, 503, "store_unavailable");
}
