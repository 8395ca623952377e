use std::sync::Arc;

use sendry_domain::time::UnixMillis;
use sendry_store::{MetricStore, RawEventStore, RawQuery};
use serde_json::{Value, json};

use crate::{
    events::{but, event},
    harness::{Api, refusal, tenant},
    stubs::NoRaw,
};

const ID: &str = "00000000-0000-0000-0000-000000000001.0";
const REPLAY: &str = "/api/v1/dead-letters/00000000-0000-0000-0000-000000000001.0/replay";

async fn with_letter() -> Api {
    let api = Api::new().await;
    let broken = but(
        event("2026-04-02T10:00:00Z", 12.0),
        json!({"statusCode": 999}),
    );
    api.count(&[broken]).await;
    api
}

async fn requests(api: &Api) -> Value {
    api.ok("/api/v1/summary?from=now-1h").await["data"]["requests"].clone()
}

fn corrected(changes: Value) -> String {
    let event = but(event("2026-04-02T10:00:00Z", 12.0), changes);
    json!({ "event": event }).to_string()
}

#[tokio::test]
async fn a_corrected_event_counts_once() {
    let api = with_letter().await;
    let problem = refusal(&api.post(REPLAY, None).await, 422, "out_of_range");
    assert_eq!(problem["field"], "statusCode");
    let still_wrong = corrected(json!({"method": null}));
    refusal(
        &api.post(REPLAY, Some(&still_wrong)).await,
        422,
        "missing_field",
    );
    assert_eq!(requests(&api).await, 0);

    let reply = api
        .post(REPLAY, Some(&corrected(json!({"statusCode": 201}))))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        (&reply.json()["data"]["state"], &reply.json()["data"]["id"]),
        (&json!("replayed"), &json!(ID))
    );
    assert_eq!(requests(&api).await, 1);
    let problem = refusal(&api.post(REPLAY, None).await, 409, "not_open");
    assert_eq!(problem["state"], "replayed");
    assert_eq!(requests(&api).await, 1, "twice counts once");
    let ledger = api.ok("/api/v1/pipeline/ledger").await["data"].clone();
    assert_eq!(
        (&ledger["counted"], &ledger["closes"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        ledger["deadLetters"],
        json!({"open": 0, "discarded": 0, "replayed": 1})
    );
}

#[tokio::test]
async fn its_raw_event_is_kept_with_a_time_and_without_secrets() {
    let api = with_letter().await;
    let body =
        corrected(json!({"timestamp": null, "requestHeaders": {"authorization": "Bearer x"}}));
    assert_eq!(api.post(REPLAY, Some(&body)).await.status, 200);
    let all = RawQuery {
        from: UnixMillis(0),
        to: UnixMillis(i64::MAX),
        limit: 10,
    };
    let raw = api.store.list(&tenant("default"), &all).await.unwrap();
    let accepted_at = crate::harness::at(crate::harness::NOW);
    assert_eq!(
        (raw.len(), raw[0].timestamp, raw[0].status),
        (1, accepted_at, 200)
    );
    assert_eq!((&*raw[0].endpoint, &*raw[0].request_id), ("/a", "req-1"));
    let kept: Value = serde_json::from_str(&raw[0].body).unwrap();
    assert_eq!(kept["timestamp"], accepted_at.0);
    assert_eq!(kept["requestHeaders"]["authorization"], "[redacted]");
    assert!(api.store.raw_owed(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn while_the_raw_store_is_away_it_counts_and_the_raw_event_is_owed() {
    let api = with_letter().await.with(|a| a.raw = Arc::new(NoRaw));
    let reply = api.post(REPLAY, Some(&corrected(json!({})))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(requests(&api).await, 1);
    let owed = api.store.raw_owed(10).await.unwrap();
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].letter.id.to_string(), ID);
}

#[tokio::test]
async fn a_letter_that_waited_for_weeks_can_still_be_counted() {
    let api = with_letter().await;
    api.clock.advance(40 * 86_400_000);
    let reply = api.post(REPLAY, Some(&corrected(json!({})))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = api
        .ok("/api/v1/summary?from=2026-04-02T00:00:00Z&to=2026-04-03T00:00:00Z")
        .await;
    assert_eq!(answer["data"]["requests"], 1);
}

#[tokio::test]
async fn bodies_that_are_no_replay_are_refused() {
    let api = with_letter().await;
    refusal(&api.post(REPLAY, Some("{")).await, 400, "invalid_json");
    refusal(
        &api.post(REPLAY, Some(r#"{"evnt":{}}"#)).await,
        422,
        "invalid_body",
    );
    refusal(
        &api.post(REPLAY, Some(r#"{"event":7}"#)).await,
        422,
        "invalid_json",
    );
    let missing = REPLAY.replace("1.0", "1.7");
    refusal(&api.post(&missing, None).await, 404, "not_found");
    for empty in ["{}", r#"{"event":null}"#, "null"] {
        refusal(&api.post(REPLAY, Some(empty)).await, 422, "out_of_range");
    }
}
