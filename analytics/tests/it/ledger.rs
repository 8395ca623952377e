use std::sync::Arc;

use sendry_domain::{
    counting::Arrival,
    id::{MessageId, PipelineName},
    message::Scope,
    routing::QueueName,
    time::UnixMillis,
    window::Window,
};
use sendry_queue::{EventQueue, Sealed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    events::{but, event},
    harness::{Api, NOW, at, tenant},
    stubs::NoQueue,
};

const LEDGER: &str = "/api/v1/pipeline/ledger";

async fn wait_in(api: &Api, queue: QueueName, number: u128, accepted_at: UnixMillis) {
    let message = Sealed {
        queue,
        id: MessageId(Uuid::from_u128(number)),
        events: 1,
        accepted_at,
        body: b"{}".to_vec(),
    };
    api.queue.publish(message).await.unwrap();
}

#[tokio::test]
async fn the_account_closes_over_every_fate() {
    let api = Api::new().await;
    let named = but(event("2026-04-02T10:00:00Z", 1.0), json!({"eventId": "e1"}));
    let first = [
        named.clone(),
        event("2026-04-02T10:00:00Z", 2.0),
        json!({"serviceName": "x"}),
    ];
    let message = api.message("default", Scope::Live, &first);
    api.count_message(message.clone()).await;
    api.count_message(message).await; // A redelivery tallies nothing.
    let again = [named.clone(), but(named, json!({"latencyMs": 9}))];
    api.count(&again).await;
    assert_eq!(
        api.ok(LEDGER).await["data"],
        json!({
            "received": 5, "counted": 2, "duplicates": 1, "conflicts": 1,
            "deadLetters": {"open": 1, "discarded": 0, "replayed": 0}, "rawRefused": 0,
            "residual": 0, "closes": true,
            "queue": {"ready": 0, "unacknowledged": 0, "oldestAgeMs": null}, "parked": {"ready": 0}
        })
    );
}

#[tokio::test]
async fn what_waits_is_told_and_bounds_what_is_complete() {
    let api = Api::new().await;
    let complete = |answer: Value| answer["meta"]["completeThrough"].clone();
    assert_eq!(
        complete(api.ok("/api/v1/summary").await),
        "2026-04-02T10:31:20.000Z"
    );
    let queue = QueueName::Pipeline(tenant("default"), PipelineName::fallback());
    wait_in(&api, queue.clone(), 901, at(NOW).plus(-5_000)).await;
    wait_in(&api, queue, 902, at(NOW).plus(-2_000)).await;
    wait_in(
        &api,
        QueueName::Parked(tenant("default")),
        903,
        at(NOW).plus(-9_000),
    )
    .await;
    wait_in(
        &api,
        QueueName::Parked(tenant("other")),
        904,
        at(NOW).plus(-99_000),
    )
    .await;
    let data = api.ok(LEDGER).await["data"].clone();
    assert_eq!(
        data["queue"],
        json!({"ready": 2, "unacknowledged": 0, "oldestAgeMs": 5000})
    );
    assert_eq!(data["parked"], json!({"ready": 1}));
    assert_eq!(
        complete(api.ok("/api/v1/summary").await),
        "2026-04-02T10:31:11.000Z"
    );
}

#[tokio::test]
async fn a_queue_that_cannot_be_asked_is_unknown_not_empty() {
    let api = Api::new().await.with(|a| a.queue = Arc::new(NoQueue));
    let data = api.ok(LEDGER).await["data"].clone();
    assert_eq!(
        (&data["queue"], &data["parked"]),
        (&Value::Null, &Value::Null)
    );
    let meta = api.ok("/api/v1/summary").await["meta"].clone();
    assert_eq!(meta["completeThrough"], Value::Null);
}

#[tokio::test]
async fn what_is_counted_below_the_minute_floor_is_late_and_stands_in_hours() {
    let api = Api::new().await;
    let mut message = api.message(
        "default",
        Scope::Live,
        &[event("2026-03-24T10:00:00Z", 1.0)],
    );
    message.accepted_at = at("2026-03-24T10:05:00Z");
    let arrival = Arrival::read(message, Window::default());
    let metrics = &api.analytics.metrics;
    metrics.count(&[arrival], at(NOW)).await.unwrap();
    let hour = "from=2026-03-24T10:00:00Z&to=2026-03-24T10:30:00Z";
    let answer = api.ok(&format!("/api/v1/summary?{hour}")).await;
    assert_eq!(
        (&answer["meta"]["late"], &answer["data"]["requests"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&answer["meta"]["step"], &answer["meta"]["to"]),
        (&json!("1h"), &json!("2026-03-24T11:00:00.000Z"))
    );
}
