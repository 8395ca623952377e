//! Bodies that are no batch and no event: each refused by its own code, and nothing of it queued.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use serde_json::json;

use crate::{
    client::{BATCH, HIT, INGEST, ROUTES, bare, batch, event, good, gzip, post, zstd},
    harness::{Stage, key},
};

const MIB: usize = 1024 * 1024;

fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"events":[{{"attributes":{open}{close}}}]}}"#)
}

#[tokio::test]
async fn each_body_that_cannot_be_read_has_its_own_code() {
    let stage = Stage::new().await;
    let text = good(BATCH);
    let packed = gzip(text.as_bytes());
    let squeezed = zstd(text.as_bytes(), 17);
    let zeros = vec![b' '; 64 * MIB];
    // A frame that asks for a window of 128 MiB.
    let wide = zstd(&zeros, 27);
    let bomb = gzip(&zeros);
    assert!(bomb.len() < 80 * 1024 && wide.len() < 80 * 1024);
    let cases: Vec<(&str, Option<&str>, Vec<u8>, u16, &str)> = vec![
        ("empty", None, vec![], 400, "empty_body"),
        (
            "a gzip of nothing",
            Some("gzip"),
            gzip(b""),
            400,
            "empty_body",
        ),
        (
            "truncated JSON",
            None,
            text.as_bytes()[..40].to_vec(),
            400,
            "malformed_json",
        ),
        (
            "two documents",
            None,
            [text.as_bytes(), b"{}"].concat(),
            400,
            "malformed_json",
        ),
        (
            "a byte order mark",
            None,
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            400,
            "malformed_json",
        ),
        (
            "NaN",
            None,
            text.replace("\"latencyMs\":1", "\"latencyMs\":NaN").into(),
            400,
            "malformed_json",
        ),
        (
            "truncated gzip",
            Some("gzip"),
            packed[..packed.len() - 9].to_vec(),
            400,
            "corrupt_encoding",
        ),
        (
            "gzip and more",
            Some("gzip"),
            [&packed[..], b"more"].concat(),
            400,
            "corrupt_encoding",
        ),
        (
            "gzip that is none",
            Some("gzip"),
            text.clone().into(),
            400,
            "corrupt_encoding",
        ),
        (
            "truncated zstd",
            Some("zstd"),
            squeezed[..squeezed.len() - 5].to_vec(),
            400,
            "corrupt_encoding",
        ),
        (
            "zstd that is none",
            Some("zstd"),
            text.clone().into(),
            400,
            "corrupt_encoding",
        ),
        (
            "a zstd window of 128 MiB",
            Some("zstd"),
            wide,
            400,
            "corrupt_encoding",
        ),
        (
            "a zstd bomb",
            Some("zstd"),
            zstd(&zeros, 20),
            413,
            "body_too_large",
        ),
        ("a gzip bomb", Some("gzip"), bomb, 413, "body_too_large"),
        (
            "over 1 MiB",
            None,
            vec![b' '; MIB + 1],
            413,
            "body_too_large",
        ),
        (
            "not UTF-8",
            None,
            [text.as_bytes(), b"\xff"].concat(),
            400,
            "invalid_utf8",
        ),
        ("40 deep", None, nested(40).into(), 400, "too_deep"),
        (
            "100,000 deep",
            None,
            nested(100_000).into(),
            400,
            "too_deep",
        ),
        (
            "100,000 open",
            None,
            "[".repeat(100_000).into(),
            400,
            "too_deep",
        ),
        (
            "another encoding",
            Some("br"),
            text.clone().into(),
            415,
            "unsupported_encoding",
        ),
        (
            "two encodings",
            Some("gzip, gzip"),
            text.into(),
            415,
            "unsupported_encoding",
        ),
    ];
    for (case, encoding, body, status, code) in cases {
        for route in ROUTES {
            let mut builder = post(route);
            if let Some(encoding) = encoding {
                builder = builder.header("content-encoding", encoding);
            }
            let problem = stage
                .send(builder, body.clone())
                .await
                .refused_on(route, status, code);
            if status == 413 {
                assert!(
                    problem["maxBytes"].is_u64() && problem["hint"].is_string(),
                    "{case}"
                );
            }
        }
        stage.works_and_is_clean().await;
    }
}

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
    for id in ["x", ""] {
        let nd = bare(BATCH)
            .header("x-api-key", key(1).expose())
            .header("content-type", "application/x-ndjson")
            .header("sendry-batch", id);
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
async fn the_limits_themselves_are_allowed() {
    let stage = Stage::new().await;
    let text = batch(&[event("")]);
    let padded = |to: usize| format!("{}{text}", " ".repeat(to - text.len()));
    stage.send(post(BATCH), padded(MIB)).await.accepted();
    let gz = |text: String| {
        stage.send(
            post(BATCH).header("content-encoding", "gzip"),
            gzip(text.as_bytes()),
        )
    };
    gz(padded(5 * MIB)).await.accepted();
    gz(padded(5 * MIB + 1)).await.refused(413, "body_too_large");
}

/// 50 MiB in pieces, and how many bytes of it were taken.
fn endless() -> (Body, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let piece = Bytes::from(vec![b' '; 64 * 1024]);
    let pieces = futures_util::stream::iter(0..800).map(move |_| {
        counter.fetch_add(piece.len(), SeqCst);
        Ok::<_, Infallible>(piece.clone())
    });
    (Body::from_stream(pieces), taken)
}

#[tokio::test]
async fn of_50_mib_no_more_is_read_than_the_limit() {
    let stage = Stage::new().await;
    for route in ROUTES {
        let (body, taken) = endless();
        let announced = post(route).header("content-length", 50 * MIB);
        let problem = stage
            .send(announced, body)
            .await
            .refused_on(route, 413, "body_too_large");
        assert_eq!(problem["maxBytes"], json!(MIB));
        assert_eq!(taken.load(SeqCst), 0, "announced, so not read at all");

        let (body, taken) = endless();
        stage
            .send(post(route), body)
            .await
            .refused_on(route, 413, "body_too_large");
        assert!(
            taken.load(SeqCst) <= MIB + 2 * 64 * 1024,
            "{taken:?} bytes read"
        );
    }
    stage.works_and_is_clean().await;
}
