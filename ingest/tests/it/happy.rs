//! What is accepted, and what then stands on the queue: exactly what was sent.

use axum::http::request::Builder;
use sendry_domain::{
    fingerprint::Fingerprint,
    id::PipelineName,
    message::{BatchRef, Message, RequestRef, Scope, VERSION},
    time::UnixMillis,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    client::{BATCH, bare, batch, event, gzip, post, zstd},
    harness::{NOW, Stage, key, tenant},
};

const ID: Uuid = Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0001);

pub fn bodies(message: &Message) -> Vec<&str> {
    message.events.iter().map(|e| e.body.get()).collect()
}

#[tokio::test]
async fn a_batch_stands_on_the_queue_as_it_was_sent() {
    let stage = Stage::new().await;
    let odd = event(" , \"eventId\" : \"a-1\",\t\"path\":\"/a?x=1.50\", \"consumer\":\"\\u00e9\"");
    let plain = event("");
    let text =
        format!("{{ \"events\" : [ {odd} ,\n{plain}], \"batchId\":\"{ID}\", \"sdk\":{{}} }}");
    let reply = stage
        .send(post(BATCH).header("x-request-id", "mine-1"), text)
        .await;
    let answer = json!({"batchId": ID, "accepted": 2, "rejected": 0, "errors": []});
    assert_eq!(reply.accepted(), answer);
    assert_eq!(reply.header("x-request-id"), Some("mine-1"));
    assert_eq!(reply.header("content-type"), Some("application/json"));

    let messages = stage.drain("default").await;
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!((message.v, message.scope), (VERSION, Scope::Live));
    assert_eq!(
        (&message.tenant, &message.pipeline),
        (&tenant("acme"), &PipelineName::fallback())
    );
    assert_eq!(message.accepted_at, UnixMillis(NOW));
    let sent = [odd.as_bytes(), plain.as_bytes()];
    let request = RequestRef {
        request_id: "mine-1".to_owned(),
        key_id: key(1).id().clone(),
        batch: Some(BatchRef {
            id: ID,
            fingerprint: Fingerprint::of_batch(sent),
        }),
    };
    assert_eq!(message.requests, [request]);
    assert_eq!(
        bodies(message),
        [odd.as_str(), plain.as_str()],
        "bytes untouched"
    );
    let named: Vec<_> = message
        .events
        .iter()
        .map(|e| (e.index, e.fingerprint))
        .collect();
    assert_eq!(
        named,
        [(0, Some(Fingerprint::of_event(odd.as_bytes()))), (1, None)]
    );
}

#[tokio::test]
async fn an_event_is_stamped_and_its_secrets_are_masked() {
    let stage = Stage::new().await;
    let unstamped = event("").replacen(&format!("\"timestamp\":{NOW},"), "", 1);
    let secret =
        event(r#","requestHeaders":{"Cookie":"K-123","Accept":"x"},"path":"/a?token=K-123""#);
    stage
        .send(post(BATCH), batch(&[unstamped.clone(), secret]))
        .await
        .accepted();
    let messages = stage.drain("default").await;
    let sent = bodies(&messages[0]);
    let stamped = format!(
        "{{\"timestamp\":{NOW},{}",
        unstamped.strip_prefix('{').unwrap()
    );
    assert_eq!(sent[0], stamped, "the rest of its bytes stand as they came");
    assert!(!sent[1].contains("K-123"), "{}", sent[1]);
    assert!(sent[1].contains(r#""Accept":"x""#), "{}", sent[1]);
}

#[tokio::test]
async fn every_way_to_write_a_batch_brings_the_same_events() {
    let stage = Stage::new().await;
    let events = [event(""), event(r#","eventId":"b""#)];
    let text = batch(&events);
    let lines = format!("\n{}\r\n  \n{}\n", events[0], events[1]);
    let json = |encoding: &str| post(BATCH).header("content-encoding", encoding);
    let nd = |kind: &str| {
        let bare = bare(BATCH).header("x-api-key", key(1).expose());
        bare.header("content-type", kind)
    };
    let forms: [(Builder, Vec<u8>); 9] = [
        (post(BATCH), text.clone().into()),
        (json("identity"), text.clone().into()),
        (json("gzip"), gzip(text.as_bytes())),
        (json("X-GZIP"), gzip(text.as_bytes())),
        (json("zstd"), zstd(text.as_bytes(), 17)),
        (nd("application/x-ndjson"), lines.clone().into()),
        (
            nd("Application/NDJSON; charset=utf-8"),
            lines.clone().into(),
        ),
        (
            nd("application/x-ndjson").header("content-encoding", "gzip"),
            gzip(lines.as_bytes()),
        ),
        // Two members in one body, as `cat a.gz b.gz` makes them.
        (
            json("gzip"),
            [gzip(&text.as_bytes()[..9]), gzip(&text.as_bytes()[9..])].concat(),
        ),
    ];
    for (number, (builder, body)) in forms.into_iter().enumerate() {
        let reply = stage.send(builder, body).await;
        assert_eq!(reply.accepted()["accepted"], 2, "form {number}");
        let messages = stage.drain("default").await;
        assert_eq!(
            bodies(&messages[0]),
            [events[0].as_str(), &events[1]],
            "form {number}"
        );
        assert_eq!(messages[0].events[1].index, 1, "blank lines have no index");
        let id = reply.header("x-request-id").unwrap();
        assert_eq!(messages[0].requests[0].request_id, id, "form {number}");
    }
}

#[tokio::test]
async fn ndjson_names_its_batch_in_a_header_and_loses_only_bad_lines() {
    let stage = Stage::new().await;
    let lines = format!("{}\nnot json\n{{\"open\":[\n{}", event(""), event(""));
    let builder = bare(BATCH)
        .header("x-api-key", key(1).expose())
        .header("content-type", "application/x-ndjson")
        .header("sendry-batch", ID.to_string());
    let answer = stage.send(builder, lines).await.accepted();
    assert_eq!(
        (&answer["batchId"], &answer["accepted"]),
        (&json!(ID), &json!(2))
    );
    assert_eq!(answer["rejected"], 2);
    for (n, error) in answer["errors"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            (&error["index"], &error["code"]),
            (&json!(n + 1), &json!("invalid_json"))
        );
    }
    let messages = stage.drain("default").await;
    assert_eq!(messages[0].requests[0].batch.unwrap().id, ID);
    let indexes: Vec<_> = messages[0].events.iter().map(|e| e.index).collect();
    assert_eq!(indexes, [0, 3], "refused lines keep their index");
}
