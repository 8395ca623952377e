//! The control store away: what is in memory serves for a minute, then 503, and never 401.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    client::{HIT, ROUTES, bare, event, good, post},
    faults_control::Mood,
    harness::{Stage, eventually, key},
};

#[tokio::test]
async fn a_cached_key_works_for_a_minute_and_then_nobody_is_told_401() {
    let stage = Stage::new().await;
    stage.control.be(Mood::Away);
    // Whoever the settings do not name cannot be judged.
    let builder = bare(HIT).header("x-api-key", key(99).expose());
    let problem = stage
        .send(builder, event(""))
        .await
        .refused_on(HIT, 503, "unavailable");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("nothing was stored")
    );

    stage.clock.advance(60_000);
    stage.works_and_is_clean().await;
    stage.clock.advance(1);
    for n in [1, 99] {
        for route in ROUTES {
            let builder = bare(route).header("x-api-key", key(n).expose());
            stage
                .send(builder, good(route))
                .await
                .refused_on(route, 503, "unavailable");
        }
    }
    let lost = || (!stage.health.readiness().ok()).then_some(());
    let seen = || stage.health.readiness().to_string();
    eventually("readiness to tell", lost, seen).await;
    assert!(seen().contains("ingest-directory failed"), "{}", seen());

    stage.control.be(Mood::Well);
    let back = || stage.health.readiness().ok().then_some(());
    eventually("the directory to come back", back, seen).await;
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn an_ingest_that_never_reached_its_settings_answers_503() {
    let stage = Stage::starting().await;
    stage.control.be(Mood::Away);
    for route in ROUTES {
        stage
            .send(post(route), good(route))
            .await
            .refused_on(route, 503, "unavailable");
    }
    assert!(!stage.health.readiness().ok());
}

#[tokio::test]
async fn a_store_that_does_not_answer_holds_no_request() {
    let stage = Stage::new().await;
    stage.control.be(Mood::Hanging);
    stage.clock.advance(200);
    tokio::time::pause();
    let started = Instant::now();
    let unknown = || stage.send(bare(HIT).header("x-api-key", key(99).expose()), event(""));
    let (a, b) = tokio::join!(unknown(), unknown());
    a.refused_on(HIT, 503, "unavailable");
    b.refused_on(HIT, 503, "unavailable");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn readiness_tells_of_a_store_that_does_not_answer() {
    let stage = Stage::new().await;
    stage.control.be(Mood::Hanging);
    stage.clock.advance(60_001);
    let lost = || (!stage.health.readiness().ok()).then_some(());
    let seen = || stage.health.readiness().to_string();
    eventually("readiness to tell", lost, seen).await;
}
