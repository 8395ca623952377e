//! A tenant's rate: a batch may overdraw it, the debt is paid in time, and what was not stored is given back.

use sendry_domain::limit::Rate;
use sendry_store::{ControlStore, TenantRecord};

use crate::{
    client::{BATCH, HIT, INGEST, Reply, bare, batch, event, good, post},
    faults_queue::Fault,
    harness::{Stage, key, tenant_record},
    new_keys::refresh,
};

/// `acme` held to ten events a second, five at once.
async fn limited() -> Stage {
    let stage = Stage::new().await;
    set(&stage, 10, 5).await;
    stage
}

async fn set(stage: &Stage, per_second: u32, burst: u32) {
    let rate = Some(Rate { per_second, burst });
    let record = TenantRecord {
        rate,
        ..tenant_record("acme")
    };
    stage.store.put_tenant(&record).await.unwrap();
    refresh(stage).await;
}

async fn send(stage: &Stage, events: usize) -> Reply {
    stage
        .send(post(BATCH), batch(&vec![event(""); events]))
        .await
}

#[tokio::test]
async fn a_batch_may_overdraw_and_the_debt_is_paid_in_time() {
    let stage = limited().await;
    let reply = send(&stage, 2).await;
    reply.accepted();
    assert_eq!(
        reply.header("ratelimit-policy"),
        Some(r#""tenant";q=10;w=1"#)
    );
    assert_eq!(reply.header("ratelimit"), Some(r#""tenant";r=3;t=1"#));
    send(&stage, 18).await.accepted();
    stage.drain("default").await;

    for route in [BATCH, INGEST, HIT] {
        let reply = stage.send(post(route), good(route)).await;
        let problem = reply.refused_on(route, 429, "rate_limited");
        assert!(problem["hint"].is_string(), "{problem}");
        // 16 tokens are missing, 10 come a second.
        assert_eq!(reply.header("retry-after"), Some("2"));
        assert_eq!(
            reply.header("ratelimit-policy"),
            Some(r#""tenant";q=10;w=1"#)
        );
        assert_eq!(reply.header("ratelimit"), Some(r#""tenant";r=0;t=2"#));
    }
    stage.clock.advance(1_599);
    stage.hit().await.refused(429, "rate_limited");
    stage.clock.advance(1);
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn one_tenants_rate_is_not_anothers() {
    let stage = limited().await;
    send(&stage, 100).await.accepted();
    stage.hit().await.refused(429, "rate_limited");
    let other = bare(HIT)
        .header("x-api-key", key(2).expose())
        .header("content-type", "application/json");
    let reply = stage.send(other, event("")).await;
    reply.accepted();
    assert_eq!(
        reply.header("ratelimit"),
        None,
        "an unlimited tenant is told nothing"
    );
}

#[tokio::test]
async fn what_was_not_stored_is_given_back() {
    let stage = limited().await;
    for fault in [Fault::Unavailable, Fault::Unknown] {
        stage.queue.fail(fault);
        assert_eq!(send(&stage, 5).await.status, 503);
        assert_eq!(stage.hit().await.status, 503, "not 429: the five came back");
    }
    stage.queue.heal();
    stage.drain("default").await;
    let reply = send(&stage, 5).await;
    reply.accepted();
    assert_eq!(reply.header("ratelimit"), Some(r#""tenant";r=0;t=1"#));
    stage.hit().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_changed_rate_acts_at_once() {
    let stage = limited().await;
    send(&stage, 100).await.accepted();
    stage.hit().await.refused(429, "rate_limited");
    set(&stage, 1_000, 50).await;
    let reply = stage.hit().await;
    reply.accepted();
    assert_eq!(reply.header("ratelimit"), Some(r#""tenant";r=49;t=1"#));
}

#[tokio::test]
async fn a_tenant_s_own_limit_of_a_body_holds_on_every_route() {
    let stage = Stage::new().await;
    let record = TenantRecord {
        max_payload: Some(1_024),
        ..tenant_record("acme")
    };
    stage.store.put_tenant(&record).await.unwrap();
    refresh(&stage).await;
    let reply = send(&stage, 50).await;
    let problem = reply.refused_on(BATCH, 413, "body_too_large");
    assert_eq!(problem["maxBytes"], 1_024);
    send(&stage, 1).await.accepted();
}
