//! Five failures open the breaker: then the answer comes at once, and the queue is left alone.

use std::sync::atomic::Ordering::SeqCst;

use crate::{
    client::{BATCH, ROUTES, good, post},
    faults_queue::Fault,
    harness::{Stage, eventually},
    queue_faults::breaker,
};

/// A stage whose breaker is open and whose queue fails in this way.
async fn open(fault: Fault) -> Stage {
    let stage = Stage::new().await;
    stage.queue.down.store(true, SeqCst);
    stage.queue.fail(fault);
    for n in 1..=5 {
        assert_eq!(breaker(&stage), 0, "closed before failure {n}");
        let reply = stage.send(post(BATCH), good(BATCH)).await;
        assert_eq!(reply.status, 503);
    }
    assert_eq!(breaker(&stage), 2);
    stage
}

#[tokio::test]
async fn an_open_breaker_answers_at_once_and_leaves_the_queue_alone() {
    let stage = open(Fault::Unavailable).await;
    assert_eq!(stage.queue.publishes(), 5);
    stage.clock.advance(10_000);
    for _ in 0..50 {
        for route in ROUTES {
            let reply = stage.send(post(route), good(route)).await;
            reply.refused_on(route, 503, "unavailable");
            assert_eq!(reply.header("retry-after"), Some("20"));
        }
    }
    assert_eq!(stage.queue.publishes(), 5, "not touched");
    assert!(
        stage.health.readiness().ok(),
        "an open breaker does not make ingest unready"
    );
}

#[tokio::test]
async fn after_thirty_seconds_two_probes_close_it() {
    let stage = open(Fault::Unknown).await;
    stage.drain("default").await;
    stage.queue.heal();
    stage.clock.advance(29_999);
    stage.hit().await.refused(503, "unavailable");
    stage.clock.advance(1);
    stage.hit().await.accepted();
    assert_eq!(breaker(&stage), 1, "one probe is not enough");
    stage.hit().await.accepted();
    assert_eq!(breaker(&stage), 0);
    stage.drain("default").await;
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn a_probe_that_fails_opens_it_again() {
    let stage = open(Fault::Unavailable).await;
    stage.clock.advance(30_000);
    stage.hit().await.refused(503, "unavailable");
    assert_eq!(stage.queue.publishes(), 6);
    let reply = stage.hit().await;
    reply.refused(503, "unavailable");
    assert_eq!(
        (stage.queue.publishes(), reply.header("retry-after")),
        (6, Some("30"))
    );
}

#[tokio::test]
async fn a_queue_that_answers_again_is_tried_before_its_time() {
    let stage = open(Fault::Unavailable).await;
    stage.queue.heal();
    let told = || {
        stage
            .health
            .readiness()
            .to_string()
            .contains("breaker open")
            .then_some(())
    };
    let seen = || stage.health.readiness().to_string();
    eventually("the component to tell of the breaker", told, seen).await;
    stage.hit().await.refused(503, "unavailable");

    stage.queue.down.store(false, SeqCst);
    let half_open = || (breaker(&stage) == 1).then_some(());
    eventually("the breaker to hear of it", half_open, seen).await;
    for _ in 0..2 {
        stage.hit().await.accepted();
    }
    assert_eq!(breaker(&stage), 0, "the clock never moved");
    let ready = || seen().contains("[+]ingest-queue ok").then_some(());
    eventually("the component to be ready", ready, seen).await;
}

#[tokio::test]
async fn failures_spread_over_time_do_not_open_it() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Unavailable);
    for _ in 0..12 {
        stage.hit().await.refused(503, "unavailable");
        stage.clock.advance(2_500);
    }
    assert_eq!((breaker(&stage), stage.queue.publishes()), (0, 12));
}
