//! What a tenant may send, changed while it sends.

use std::time::Instant;

use bytes::Bytes;
use sendry_testkit::client::Client;
use serde_json::{Value, json};

use crate::{
    client::{Answer, events, send},
    stage::Stage,
    tenant::Tenant,
    wait::{eventually, is, told},
};

/// Waits until every ingest answers `body` so; `true` for each that did not at first.
async fn answers(tenant: &Tenant<'_>, key: &str, body: &Bytes, want: (u16, &str)) {
    for address in tenant.stage.addresses() {
        let mut client = Client::new(address);
        eventually(&format!("{want:?}"), async || {
            let answer: Answer = send(&mut client, key, body.clone()).await.unwrap();
            is(answer.is(want.0, want.1), answer.to_string())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limits_are_obeyed_within_seconds_and_so_is_taking_them_back() {
    let stage = Stage::shared();
    let tenant = Tenant::ready_with(&stage, "limited", json!({"name": "web"})).await;
    let key = tenant.key("web");
    let one = events(1);
    let many = events(30);
    assert!(many.len() > 1024);
    answers(&tenant, &key, &many, (202, "")).await;

    let keys = json!([{"name": "web"}]);
    let spec = |field: &str, value: Value| json!({"apiKeys": keys, field: value});
    let suspended = spec("suspend", json!(true));
    let small = spec("limits", json!({"maxPayload": "1Ki"}));
    let slow = spec("limits", json!({"eventsPerSecond": 1}));
    for (what, limited, body, (status, code)) in [
        ("suspend", suspended, &one, (503, "suspended")),
        ("maxPayload", small, &many, (413, "body_too_large")),
        ("eventsPerSecond", slow, &many, (429, "rate_limited")),
    ] {
        tenant.apply(limited);
        let began = Instant::now();
        answers(&tenant, &key, body, (status, code)).await;
        told(
            &format!("{what} applied → {status} everywhere (5 s are asked)"),
            began.elapsed(),
        );
        tenant.apply(json!({"apiKeys": keys}));
        let began = Instant::now();
        answers(&tenant, &key, body, (202, "")).await;
        told(
            &format!("{what} taken back → 202 everywhere (5 s are asked)"),
            began.elapsed(),
        );
    }
    tenant.ready();
    assert_eq!(tenant.key("web"), key);
}
