//! A body that stops half way. The clock is tokio's own, paused: ten seconds pass in no time.

use std::{convert::Infallible, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::{
    client::{ROUTES, good, post},
    faults_queue::Fault,
    harness::Stage,
};

#[tokio::test]
async fn a_body_that_stops_half_way_is_408_within_eleven_seconds() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Pretend);
    tokio::time::pause();
    for route in ROUTES {
        let half = Bytes::from(good(route)[..30].to_owned());
        let first = futures_util::stream::iter([Ok::<_, Infallible>(half)]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        let started = Instant::now();
        let reply = stage.send(post(route), body).await;
        let took = started.elapsed();
        reply.refused_on(route, 408, "slow_body");
        let (least, most) = (Duration::from_secs(10), Duration::from_secs(11));
        assert!((least..=most).contains(&took), "{took:?}");
    }
    assert_eq!(stage.queue.publishes(), 0);
    stage.hit().await.accepted();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let stage = Stage::new().await;
    for route in ROUTES {
        let half = Bytes::from(good(route)[..30].to_owned());
        let broken = Err(std::io::Error::other("reset"));
        let body = Body::from_stream(futures_util::stream::iter([Ok(half), broken]));
        stage
            .send(post(route), body)
            .await
            .refused_on(route, 400, "incomplete_body");
    }
    stage.works_and_is_clean().await;
}
