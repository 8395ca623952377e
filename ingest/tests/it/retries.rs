//! What a client is told to retry under is the identity of what may be stored already.

use std::collections::BTreeMap;

use sendry_domain::{counting::Arrival, identity::Identity, message::Message, window::Window};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{BATCH, batch, event, post},
    faults_queue::Fault,
    harness::{Stage, pipeline},
};

/// (what names an event for this test: its latency, its identity), over messages.
fn identities(messages: Vec<Message>) -> BTreeMap<String, Identity> {
    let arrivals = messages
        .into_iter()
        .map(|m| Arrival::read(m, Window::default()));
    arrivals
        .flat_map(|arrival| arrival.events)
        .map(|event| {
            let body: Value = serde_json::from_str(event.body.get()).unwrap();
            (body["latencyMs"].to_string(), event.identity)
        })
        .collect()
}

fn numbered(service: &str, n: u32, extra: &str) -> String {
    event(extra)
        .replace("shop", service)
        .replace("\"latencyMs\":1", &format!("\"latencyMs\":{n}"))
}

/// The same events, each under the id it was told.
fn renamed(events: &[String], problem: &Value) -> Vec<String> {
    let told = problem["events"].as_array().unwrap();
    assert_eq!(told.len(), events.len(), "{problem}");
    events
        .iter()
        .zip(told)
        .enumerate()
        .map(|(n, (event, told))| {
            assert_eq!(told["index"], json!(n), "in the client's order");
            let mut event: serde_json::Map<String, Value> = serde_json::from_str(event).unwrap();
            if told["eventId"].is_string() {
                event.insert("eventId".to_owned(), told["eventId"].clone());
            }
            Value::Object(event).to_string()
        })
        .collect()
}

async fn all(stage: &Stage) -> Vec<Message> {
    [stage.drain("default").await, stage.drain("pay").await].concat()
}

#[tokio::test]
async fn a_retry_under_the_ids_told_is_the_same_events() {
    let stage = Stage::new().await;
    let events = [
        numbered("shop", 1, ""),
        numbered("shop", 2, r#","eventId":"mine""#),
        numbered("pay", 3, ""),
        numbered("shop", 4, ""),
    ];
    stage.queue.fail(Fault::Unknown);
    let problem = stage
        .send(post(BATCH), batch(&events))
        .await
        .refused(503, "unknown");
    assert_eq!(problem["batchId"], Value::Null);
    assert_eq!(problem["events"][1]["eventId"], "mine");
    let first = identities(all(&stage).await);
    assert_eq!(first.len(), 4, "the queue stored what it did not confirm");

    stage.queue.heal();
    // Grouped otherwise, and in another order.
    let mut again = renamed(&events, &problem);
    again.reverse();
    stage.send(post(BATCH), batch(&again)).await.accepted();
    assert_eq!(identities(all(&stage).await), first);
}

#[tokio::test]
async fn a_named_batch_may_be_sent_again_as_it_is_or_by_the_ids_told() {
    let stage = Stage::new().await;
    let events = [numbered("shop", 1, ""), numbered("pay", 2, "")];
    let id = Uuid::from_u128(0xabc);
    let text = format!(r#"{{"batchId":"{id}","events":[{}]}}"#, events.join(","));
    stage.queue.fail(Fault::Unknown);
    let problem = stage
        .send(post(BATCH), text.clone())
        .await
        .refused(503, "unknown");
    assert_eq!(problem["batchId"], json!(id));
    let told = json!([
        {"index": 0, "eventId": format!("{id}.0")},
        {"index": 1, "eventId": format!("{id}.1")},
    ]);
    assert_eq!(problem["events"], told);
    let first = identities(all(&stage).await);

    stage.queue.heal();
    stage.send(post(BATCH), text).await.accepted();
    assert_eq!(identities(all(&stage).await), first);
    stage
        .send(post(BATCH), batch(&renamed(&events, &problem)))
        .await
        .accepted();
    assert_eq!(identities(all(&stage).await), first);
}

#[tokio::test]
async fn of_two_pipelines_one_failing_makes_the_answer_unknown() {
    let stage = Stage::new().await;
    let events = [
        numbered("shop", 1, ""),
        numbered("pay", 2, ""),
        numbered("pay", 3, r#","eventId":"mine""#),
        numbered("shop", 4, ""),
    ];
    stage
        .queue
        .fail_only(pipeline("acme", "pay"), Fault::Unavailable);
    let problem = stage
        .send(post(BATCH), batch(&events))
        .await
        .refused(503, "unknown");
    let stored = stage.drain("default").await;
    assert!(stage.drain("pay").await.is_empty());
    let message = stored[0].id;
    let told = json!([
        {"index": 0, "eventId": format!("{message}.0")},
        {"index": 1, "eventId": null},
        {"index": 2, "eventId": "mine"},
        {"index": 3, "eventId": format!("{message}.1")},
    ]);
    assert_eq!(problem["events"], told);

    stage.queue.heal();
    let first = identities(stored);
    stage
        .send(post(BATCH), batch(&renamed(&events, &problem)))
        .await
        .accepted();
    let again = identities(stage.drain("default").await);
    assert_eq!(
        again, first,
        "what was stored is the same, whatever the rest is"
    );
    assert_eq!(identities(stage.drain("pay").await).len(), 2);
}

#[tokio::test]
async fn of_a_named_batch_even_what_was_not_stored_is_told_an_id() {
    let stage = Stage::new().await;
    let id = Uuid::from_u128(0xdef);
    let events = [numbered("shop", 1, ""), numbered("pay", 2, "")];
    let text = format!(r#"{{"batchId":"{id}","events":[{}]}}"#, events.join(","));
    stage.queue.fail_only(pipeline("acme", "pay"), Fault::Full);
    let problem = stage.send(post(BATCH), text).await.refused(503, "unknown");
    // With some events renamed the batch has another fingerprint: those that are not would be conflicts.
    assert_eq!(problem["events"][1]["eventId"], json!(format!("{id}.1")));
}

#[tokio::test]
async fn if_no_pipeline_stored_anything_the_answer_is_sure() {
    let stage = Stage::new().await;
    let events = [numbered("shop", 1, ""), numbered("pay", 2, "")];
    stage.queue.fail(Fault::Full);
    stage
        .send(post(BATCH), batch(&events))
        .await
        .refused(503, "backlog_full");
    stage.clock.advance(1_000);
    stage.queue.fail(Fault::Unavailable);
    stage
        .send(post(BATCH), batch(&events))
        .await
        .refused(503, "unavailable");
}
