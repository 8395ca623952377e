//! Ingests beside each other share the tenants' rates.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use sendry_domain::{
    beat::{Beat, ProcessRole},
    limit::Rate,
    time::UnixMillis,
};
use sendry_store::{ControlStore, TenantRecord};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    client::{BATCH, batch, event, post},
    faults_control::Mood,
    harness::{NOW, Stage, eventually, tenant_record},
};

/// `acme` held to a thousand events a second, a hundred at once.
async fn limited() -> Stage {
    let stage = Stage::new().await;
    let rate = Some(Rate {
        per_second: 1_000,
        burst: 100,
    });
    let record = TenantRecord {
        rate,
        ..tenant_record("acme")
    };
    stage.store.put_tenant(&record).await.unwrap();
    crate::new_keys::refresh(&stage).await;
    stage
}

/// Events that may still come after one.
async fn remaining(stage: &Stage) -> u64 {
    stage.clock.advance(200);
    let reply = stage.hit().await;
    reply.accepted();
    let header = reply.header("ratelimit").unwrap().to_owned();
    let (_, rest) = header.split_once("r=").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

/// Waits until a full bucket holds so many after one event.
async fn shared(stage: &Stage, expected: u64) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let seen = remaining(stage).await;
        if seen == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{seen}, not {expected}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ingests_have_half_the_rate_each_until_one_leaves() {
    let here = limited().await;
    shared(&here, 99).await;
    let there = here.another().await;
    for stage in [&here, &there] {
        shared(stage, 49).await;
        stage.clock.advance(200);
        let all = batch(&vec![event(""); 50]);
        stage.send(post(BATCH), all).await.accepted();
        stage.hit().await.refused(429, "rate_limited");
        // 500 a second: one in two milliseconds.
        stage.clock.advance(1);
        stage.hit().await.refused(429, "rate_limited");
        stage.clock.advance(1);
        stage.hit().await.accepted();
    }
    there.leave();
    shared(&here, 99).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_control_store_the_last_number_stands() {
    let here = limited().await;
    let there = here.another().await;
    shared(&here, 49).await;
    here.control.be(Mood::Away);
    there.leave();
    let before = here.control.counted.load(SeqCst);
    let counted = || (here.control.counted.load(SeqCst) >= before + 2).then_some(());
    eventually("it to count again", counted, || "nothing".to_owned()).await;
    assert_eq!(remaining(&here).await, 49);
    here.control.be(Mood::Well);
    shared(&here, 99).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_ingest_takes_no_part() {
    let here = limited().await;
    for (n, role) in [(1, ProcessRole::Worker), (2, ProcessRole::Keeper)] {
        let other = Beat {
            instance: Uuid::from_u128(n),
            role,
            sequence: 1,
            at: UnixMillis(NOW),
            queues: Vec::new(),
        };
        here.store.beat(&other).await.unwrap();
    }
    let before = here.control.counted.load(SeqCst);
    let counted = || (here.control.counted.load(SeqCst) >= before + 2).then_some(());
    eventually("it to count again", counted, || "nothing".to_owned()).await;
    assert_eq!(remaining(&here).await, 99);
    let beats = here.store.beats().await.unwrap();
    let ingests = beats.iter().filter(|b| b.role == ProcessRole::Ingest);
    assert_eq!(ingests.count(), 1, "{beats:?}");
}
