//! JSON that is no batch, and bodies that do not say what they are.

use axum::http::HeaderValue;

use crate::{
    client::{BATCH, HIT, INGEST, ROUTES, bare, batch, event, good, post},
    harness::{Stage, key},
};

#[tokio::test]
async fn each_batch_of_another_form_has_its_own_code() {
    let stage = Stage::new().await;
    let of = |n: usize| batch(&vec![event(""); n]);
    let named = |id: &str| format!(r#"{{"batchId":{id},"events":[{}]}}"#, event(""));
    let cases = [
        ("no object", "7".to_owned(), 422, "invalid_batch"),
        (
            "a bare list",
            format!("[{}]", event("")),
            422,
            "invalid_batch",
        ),
        ("a bare event", event(""), 422, "invalid_batch"),
        (
            "events twice",
            r#"{"events":[1],"events":[2]}"#.to_owned(),
            422,
            "invalid_batch",
        ),
        (
            "events no list",
            r#"{"events":{}}"#.to_owned(),
            422,
            "invalid_batch",
        ),
        (
            "batchId no UUID",
            named("\"batch-1\""),
            422,
            "invalid_batch_id",
        ),
        ("batchId a number", named("7"), 422, "invalid_batch_id"),
        ("no event", of(0), 422, "empty_batch"),
        ("1,001 events", of(1_001), 413, "too_many_events"),
    ];
    for (case, body, status, code) in cases {
        let problem = stage
            .send(post(BATCH), body)
            .await
            .refused_on(BATCH, status, code);
        assert!(problem["hint"].is_string(), "{case}: {problem}");
        stage.works_and_is_clean().await;
    }
    for id in [&b"x"[..], b"", b"\xff"] {
        let nd = bare(BATCH)
            .header("x-api-key", key(1).expose())
            .header("content-type", "application/x-ndjson")
            .header("sendry-batch", HeaderValue::from_bytes(id).unwrap());
        stage
            .send(nd, event(""))
            .await
            .refused(422, "invalid_batch_id");
    }
    stage.send(post(BATCH), of(1_000)).await.accepted();
    assert_eq!(stage.drain("default").await[0].events.len(), 1_000);
}

#[tokio::test]
async fn what_the_body_is_must_be_said() {
    let stage = Stage::new().await;
    for kind in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        for route in ROUTES {
            let mut builder = bare(route).header("x-api-key", key(1).expose());
            if let Some(kind) = kind {
                builder = builder.header("content-type", kind);
            }
            let reply = stage.send(builder, good(route)).await;
            let problem = reply.refused_on(route, 415, "unsupported_content_type");
            assert!(
                problem["hint"]
                    .as_str()
                    .unwrap()
                    .contains("application/json")
            );
        }
    }
    for route in [INGEST, HIT] {
        let builder = bare(route)
            .header("x-api-key", key(1).expose())
            .header("content-type", "application/x-ndjson");
        let reply = stage.send(builder, event("")).await;
        let problem = reply.refused_on(route, 415, "unsupported_content_type");
        assert!(problem["hint"].as_str().unwrap().contains(BATCH));
    }
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn a_line_of_ndjson_is_as_deep_as_it_is_alone() {
    let stage = Stage::new().await;
    let nd = || {
        bare(BATCH)
            .header("x-api-key", key(1).expose())
            .header("content-type", "application/x-ndjson")
    };
    // What one line leaves open hides nothing in the next, and adds nothing to it.
    let hidden = format!("\"\n{}", "[".repeat(100));
    let reply = stage.send(nd(), hidden).await;
    reply.refused(400, "too_deep");
    let open = format!("{}{}", "{\"a\":[\n".repeat(50), event(""));
    let answer = stage.send(nd(), open).await.accepted();
    assert_eq!(
        (answer["accepted"].as_u64(), answer["rejected"].as_u64()),
        (Some(1), Some(50))
    );
    assert_eq!(stage.drain("default").await[0].events[0].index, 50);
    stage.works_and_is_clean().await;
}
