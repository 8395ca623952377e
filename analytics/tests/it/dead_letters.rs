use sendry_domain::{counting::undecodable, id::MessageId};
use sendry_store::MetricStore;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    events::{but, event},
    harness::{Api, NOW, at, refusal, tenant},
};

/// An event whose status is none.
fn broken(ms: f64) -> Value {
    but(
        event("2026-04-02T10:00:00Z", ms),
        json!({"statusCode": 999, "eventId": format!("e{ms}")}),
    )
}

async fn ids(api: &Api, path: &str) -> (Vec<String>, Value) {
    let answer = api.ok(path).await;
    let rows = answer["data"].as_array().unwrap();
    let ids = rows
        .iter()
        .map(|r| r["id"].as_str().unwrap().to_owned())
        .collect();
    (ids, answer["nextCursor"].clone())
}

#[tokio::test]
async fn a_dead_letter_in_full() {
    let api = Api::new().await;
    api.count(&[broken(1.0)]).await;
    let id = "00000000-0000-0000-0000-000000000001.0";
    let listed = api.ok("/api/v1/dead-letters").await;
    let body = broken(1.0).to_string();
    let mut letter = json!({
        "id": id, "state": "open", "reason": "out_of_range", "field": "statusCode",
        "message": listed["data"][0]["message"], "replayable": true,
        "acceptedAt": "2026-04-02T10:31:20.000Z", "recordedAt": "2026-04-02T10:31:20.000Z",
        "messageId": "00000000-0000-0000-0000-000000000001", "position": 0, "requestId": "req-1",
        "eventId": "e1", "service": null, "bytes": body.len()
    });
    assert_eq!(listed, json!({"data": [letter], "nextCursor": null}));
    assert!(!listed["data"][0]["message"].as_str().unwrap().is_empty());
    letter["event"] = body.into();
    assert_eq!(
        api.ok(&format!("/api/v1/dead-letters/{id}")).await["data"],
        letter
    );
    for missing in ["00000000-0000-0000-0000-000000000001.1", "nonsense"] {
        api.refused(&format!("/api/v1/dead-letters/{missing}"), 404, "not_found")
            .await;
    }
}

#[tokio::test]
async fn pages_hold_every_letter_once_newest_first() {
    let api = Api::new().await;
    for ms in 1..=5 {
        api.count(&[broken(f64::from(ms)), broken(f64::from(ms) + 0.5)])
            .await;
        api.clock.advance(1_000);
    }
    let (all, none) = ids(&api, "/api/v1/dead-letters?limit=500").await;
    assert_eq!((all.len(), none), (10, Value::Null));
    let (mut paged, mut path) = (Vec::new(), "/api/v1/dead-letters?limit=3".to_owned());
    loop {
        let (page, next) = ids(&api, &path).await;
        assert!(page.len() <= 3);
        paged.extend(page);
        let Some(cursor) = next.as_str() else { break };
        path = format!("/api/v1/dead-letters?limit=3&cursor={cursor}");
    }
    assert_eq!(paged, all);
    let answer = api.ok("/api/v1/dead-letters").await;
    let times: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["recordedAt"].as_str().unwrap().to_owned())
        .collect();
    assert!(times.windows(2).all(|w| w[0] >= w[1]), "{times:?}");
}

#[tokio::test]
async fn states_are_told_apart() {
    let api = Api::new().await;
    let named = but(
        event("2026-04-02T10:00:00Z", 1.0),
        json!({"eventId": "same"}),
    );
    api.count(&[
        named.clone(),
        but(named, json!({"latencyMs": 2})),
        broken(3.0),
        broken(4.0),
    ])
    .await;
    let (open, _) = ids(&api, "/api/v1/dead-letters?state=open").await;
    let discard = format!("/api/v1/dead-letters/{}/discard", open[0]);
    assert_eq!(
        api.post(&discard, Some(r#"{"reason":"noise"}"#))
            .await
            .status,
        200
    );
    for (state, count) in [
        ("open", 1),
        ("discarded", 1),
        ("conflict", 1),
        ("replayed", 0),
        ("all", 3),
    ] {
        let (found, _) = ids(&api, &format!("/api/v1/dead-letters?state={state}")).await;
        assert_eq!(found.len(), count, "{state}");
    }
}

#[tokio::test]
async fn discarding_needs_a_reason_and_happens_once() {
    let api = Api::new().await;
    api.count(&[broken(1.0)]).await;
    let (open, _) = ids(&api, "/api/v1/dead-letters").await;
    let path = format!("/api/v1/dead-letters/{}/discard", open[0]);
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(501));
    for body in [None, Some(r#"{"reason":"  "}"#), Some(&*long)] {
        refusal(&api.post(&path, body).await, 422, "invalid_reason");
    }
    refusal(&api.post(&path, Some("{}")).await, 422, "invalid_body");
    refusal(
        &api.post(&path, Some(r#"{"reason":"x","also":1}"#)).await,
        422,
        "invalid_body",
    );
    refusal(&api.post(&path, Some("{")).await, 400, "invalid_json");
    let reply = api.post(&path, Some(r#"{"reason":" a test run "}"#)).await;
    let letter = reply.json()["data"].clone();
    assert_eq!(
        (&letter["state"], &letter["message"]),
        (&json!("discarded"), &json!("a test run"))
    );
    let problem = refusal(
        &api.post(&path, Some(r#"{"reason":"x"}"#)).await,
        409,
        "not_open",
    );
    assert_eq!(problem["state"], "discarded");
    let ledger = api.ok("/api/v1/pipeline/ledger").await["data"].clone();
    assert_eq!(
        ledger["deadLetters"],
        json!({"open": 0, "discarded": 1, "replayed": 0})
    );
    assert_eq!(ledger["closes"], true);
}

#[tokio::test]
async fn bodies_are_json_of_at_most_a_mebibyte() {
    let api = Api::new().await;
    let path = "/api/v1/dead-letters/00000000-0000-0000-0000-000000000001.0/discard";
    let request = axum::http::Request::post(path).header("content-type", "text/plain");
    let reply = api.send(request.body("{}".into()).unwrap()).await;
    refusal(&reply, 415, "unsupported_media_type");
    let large = "x".repeat(1024 * 1024 + 1);
    refusal(
        &api.post(path, Some(&large)).await,
        413,
        "payload_too_large",
    );
}

#[tokio::test]
async fn a_message_nobody_can_read_is_discard_only() {
    let api = Api::new().await;
    let id = MessageId(Uuid::from_u128(77));
    let letter = undecodable(
        tenant("default"),
        id,
        4,
        b"\xffgarbage",
        "not a message",
        at(NOW),
    );
    api.store.bury(&[letter]).await.unwrap();
    let path = format!("/api/v1/dead-letters/{id}.0");
    let event = event("2026-04-02T10:00:00Z", 1.0);
    let body = json!({"event": event}).to_string();
    refusal(
        &api.post(&format!("{path}/replay"), Some(&body)).await,
        422,
        "not_replayable",
    );
    assert_eq!(api.ok(&path).await["data"]["replayable"], false);
    assert_eq!(
        api.ok("/api/v1/pipeline/ledger").await["data"]["deadLetters"]["open"],
        4
    );
}
