//! What else a good request may say: one event alone, the key in either header, history, two pipelines.

use sendry_domain::message::{Message, Scope};
use serde_json::json;

use crate::{
    client::{BATCH, HIT, INGEST, bare, batch, event, post},
    happy::bodies,
    harness::{NOW, Stage, key},
};

#[tokio::test]
async fn one_event_is_answered_with_the_originals_envelope() {
    let stage = Stage::new().await;
    for route in [INGEST, HIT] {
        let reply = stage.send(post(route), event(r#","eventId":"mine""#)).await;
        let data =
            json!({"eventId": "mine", "status": "queued", "timestamp": "2027-01-15T08:00:00.000Z"});
        let envelope =
            json!({"success": true, "statusCode": 202, "message": "Event queued", "data": data});
        assert_eq!(reply.accepted(), envelope, "{route}");
        stage.drain("default").await;

        let reply = stage.send(post(route), event("")).await;
        let messages = stage.drain("default").await;
        let minted = format!("{}.0", messages[0].id);
        assert_eq!(
            reply.accepted()["data"]["eventId"],
            json!(minted),
            "{route}"
        );
        assert_eq!(messages[0].requests[0].batch, None);
        assert_eq!(
            reply.header("x-request-id"),
            Some(&*messages[0].requests[0].request_id)
        );
    }
}

#[tokio::test]
async fn a_key_comes_in_either_header() {
    let stage = Stage::new().await;
    let key = key(1);
    let key = key.expose();
    let headers: [&[(&str, String)]; 6] = [
        &[("x-api-key", key.to_owned())],
        &[("x-api-key", format!(" {key} "))],
        &[("authorization", format!("Bearer {key}"))],
        &[("authorization", format!("bearer  {key}"))],
        &[
            ("authorization", format!("Bearer {key}")),
            ("x-api-key", key.to_owned()),
        ],
        &[
            ("authorization", "Basic dTpw".to_owned()),
            ("x-api-key", key.to_owned()),
        ],
    ];
    for headers in headers {
        let mut builder = bare(HIT).header("content-type", "application/json");
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        stage.send(builder, event("")).await.accepted();
    }
}

#[tokio::test]
async fn history_goes_on_under_an_operators_key() {
    let stage = Stage::new().await;
    let operator = stage.add_key(9, |key| key.backfill = true).await;
    let old = event("").replace(&NOW.to_string(), &(NOW - 400 * 86_400_000).to_string());
    let builder = bare(BATCH)
        .header("x-api-key", operator.expose())
        .header("content-type", "application/json");
    let history = builder.header("sendry-scope", "backfill");
    stage.send(history, batch(&[old])).await.accepted();
    stage
        .send(
            post(BATCH).header("sendry-scope", "live"),
            batch(&[event("")]),
        )
        .await
        .accepted();
    let scopes: Vec<_> = stage
        .drain("default")
        .await
        .iter()
        .map(|m| m.scope)
        .collect();
    assert_eq!(
        scopes,
        [Scope::Backfill, Scope::Live],
        "never in one message"
    );
}

#[tokio::test]
async fn a_batch_for_two_pipelines_becomes_two_messages() {
    let stage = Stage::new().await;
    let pay = event("").replace("shop", "pay");
    stage
        .send(post(BATCH), batch(&[event(""), pay.clone(), event("")]))
        .await
        .accepted();
    let indexes = |messages: &[Message]| -> Vec<u32> {
        messages
            .iter()
            .flat_map(|m| &m.events)
            .map(|e| e.index)
            .collect()
    };
    assert_eq!(indexes(&stage.drain("default").await), [0, 2]);
    let messages = stage.drain("pay").await;
    assert_eq!(
        (indexes(&messages), bodies(&messages[0])),
        (vec![1], vec![pay.as_str()])
    );
}
