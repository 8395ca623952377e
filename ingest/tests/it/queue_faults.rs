//! The queue refuses, is full, does not know, hangs or breaks: each is told apart, and in time.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    client::{BATCH, HIT, ROUTES, Reply, bare, batch, event, good, post},
    faults_queue::Fault,
    harness::{Stage, key, pipeline},
};

/// What the clock of the breaker would have to say: 0 closed, 1 half-open, 2 open.
pub fn breaker(stage: &Stage) -> i64 {
    stage.metrics.breaker.get()
}

/// One event of the tenant `other`.
async fn other(stage: &Stage) -> Reply {
    let builder = bare(HIT)
        .header("x-api-key", key(2).expose())
        .header("content-type", "application/json");
    stage.send(builder, event("")).await
}

#[tokio::test]
async fn a_queue_that_is_away_is_surely_not_stored() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Unavailable);
    for route in ROUTES {
        let reply = stage.send(post(route), good(route)).await;
        let problem = reply.refused_on(route, 503, "unavailable");
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("surely nothing was stored")
        );
        assert!(problem["hint"].is_string() && problem.get("events").is_none());
    }
    stage.queue.heal();
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn a_full_queue_gates_its_route_for_a_second_and_nobody_else() {
    let stage = Stage::new().await;
    let before = stage.queue.publishes();
    stage
        .queue
        .fail_only(pipeline("acme", "default"), Fault::Full);
    for route in ROUTES {
        let reply = stage.send(post(route), good(route)).await;
        let problem = reply.refused_on(route, 503, "backlog_full");
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert!(problem["hint"].is_string());
    }
    assert_eq!(
        stage.queue.publishes() - before,
        1,
        "the gate answers the others"
    );
    other(&stage).await.accepted();
    let pay = event("").replace("shop", "pay");
    stage.send(post(HIT), pay).await.accepted();
    assert_eq!(
        stage.drain("pay").await.len(),
        1,
        "the tenant's other pipeline works"
    );

    stage.clock.advance(999);
    stage.hit().await.refused(503, "backlog_full");
    assert_eq!(stage.queue.publishes() - before, 3);
    for round in 0..6 {
        stage.clock.advance(1_000);
        stage.hit().await.refused(503, "backlog_full");
        assert_eq!(
            stage.queue.publishes() - before,
            4 + round,
            "tried again after a second"
        );
    }
    assert_eq!(breaker(&stage), 0, "a full queue is no broken one");
    stage.queue.heal();
    stage.clock.advance(1_000);
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn without_a_confirm_a_single_event_is_told_its_id() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Unknown);
    for (extra, own) in [("", None), (r#","eventId":"mine""#, Some("mine"))] {
        let problem = stage
            .send(post(HIT), event(extra))
            .await
            .refused_on(HIT, 503, "unknown");
        let message = &stage.drain("default").await[0];
        let id = own.map_or_else(|| format!("{}.0", message.id), str::to_owned);
        assert_eq!(
            problem["events"],
            serde_json::json!([{"index": 0, "eventId": id}])
        );
        assert_eq!(problem["batchId"], Value::Null);
        assert!(problem["hint"].is_string());
    }
}

#[tokio::test]
async fn a_publish_that_never_returns_is_unknown_within_five_seconds() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Hang);
    tokio::time::pause();
    let started = Instant::now();
    let problem = stage
        .send(post(BATCH), good(BATCH))
        .await
        .refused(503, "unknown");
    assert!(problem["events"][0]["eventId"].is_string(), "{problem}");
    assert!(
        started.elapsed() <= Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn nobody_hangs_behind_publishes_that_never_return() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Hang);
    tokio::time::pause();
    let requests = (0..40).map(|n| {
        let stage = &stage;
        async move {
            tokio::time::sleep(Duration::from_millis(n * 150)).await;
            let started = Instant::now();
            let reply = stage.hit().await;
            (started.elapsed(), reply)
        }
    });
    let (mut unknown, mut unavailable) = (0, 0);
    for (n, (took, reply)) in join_all(requests).await.into_iter().enumerate() {
        assert!(
            took <= Duration::from_secs(5),
            "request {n} took {took:?}: {reply:?}"
        );
        match reply.json()["code"].as_str() {
            Some("unknown") => unknown += 1,
            Some("unavailable") => unavailable += 1,
            code => panic!("request {n}: {code:?}"),
        }
    }
    let handed_over = stage.queue.publishes();
    assert!(
        unknown >= handed_over && unavailable > 0,
        "{unknown} {unavailable} {handed_over}"
    );
    assert!(stage.queue.most_in_flight.load(SeqCst) >= 4);
}

#[tokio::test]
async fn a_request_that_finds_no_room_is_surely_not_stored() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Hang);
    tokio::time::pause();
    let requests = (0..5).map(|n| {
        let stage = &stage;
        async move {
            tokio::time::sleep(Duration::from_millis(n * 10)).await;
            let started = Instant::now();
            (stage.hit().await, started.elapsed())
        }
    });
    let mut replies = join_all(requests).await;
    let (fifth, took) = replies.pop().unwrap();
    fifth.refused(503, "unavailable");
    assert!(took < Duration::from_millis(2_100), "{took:?}");
    for (reply, _) in replies {
        reply.refused(503, "unknown");
    }
    assert_eq!(stage.queue.publishes(), 4, "it was never handed over");
}

#[tokio::test]
async fn an_adapter_that_panics_is_unknown_and_ingest_goes_on() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Panic);
    stage
        .send(post(BATCH), batch(&[event("")]))
        .await
        .refused(503, "unknown");
    stage.queue.heal();
    stage.works_and_is_clean().await;
}
