//! How much of a body is read.

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
    client::{BATCH, ROUTES, batch, event, gzip, post},
    harness::Stage,
};

const MIB: usize = 1024 * 1024;

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
