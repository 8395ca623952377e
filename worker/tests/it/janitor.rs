//! Housekeeping: derived levels, and a purge that moves the floor only while every queue's head is known and young.

use std::sync::atomic::Ordering::SeqCst;

use sendry_domain::{
    id::PipelineName,
    rollup::Level,
    routing::QueueName,
    series::SeriesKind,
    time::{DAY, HOUR, UnixMillis},
    window::Window,
};
use sendry_queue::EventQueue;
use sendry_store::{
    ControlStore, PipelineRecord, TenantRecord,
    contract::build::{NOW, event, request, tenant},
};
use sendry_worker::janitor::tidy;

use crate::harness::{Stage, junk, parked, pipeline};

/// `acme` with a pipeline `pay` beside the default one, and raw events kept for ten days.
async fn settled() -> Stage {
    let stage = Stage::new();
    let record = TenantRecord {
        id: tenant("acme"),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: 10 * DAY,
        retained_at: None,
        stamp: None,
    };
    stage.store.put_tenant(&record).await.unwrap();
    let pay = PipelineRecord {
        tenant: tenant("acme"),
        name: PipelineName::new("pay").unwrap(),
        services: vec![],
        environments: vec![],
        created_at: NOW,
        retired: false,
    };
    stage.store.put_pipeline(&pay).await.unwrap();
    stage
}

async fn floor(stage: &Stage) -> Option<UnixMillis> {
    sendry_store::MetricStore::ledger(&*stage.store, &stage.view.id)
        .await
        .unwrap()
        .floor
}

#[tokio::test]
async fn days_and_months_are_derived_from_what_was_counted() {
    let stage = settled().await;
    stage
        .publish(&[stage.view.seal.message(1, &request([event(), event()]))])
        .await;
    stage.run_dry().await;
    for _ in 0..2 {
        tidy(&stage.parts, &mut Default::default(), false)
            .await
            .unwrap();
        for level in [Level::Hour, Level::Day, Level::Month] {
            let total = stage.view.total(SeriesKind::Tenant, level).await;
            assert_eq!(total.count, 2, "{level:?}");
        }
    }
    assert_eq!(floor(&stage).await, None, "no purge was asked for");
}

#[tokio::test]
async fn the_floor_moves_only_while_every_head_is_known_and_young() {
    let pay = QueueName::Pipeline(tenant("acme"), PipelineName::new("pay").unwrap());
    for queue in [pipeline(), pay, parked()] {
        let stage = settled().await;
        let mut old = junk(queue.clone(), 1, 1, "old");
        old.accepted_at = NOW.plus(-12 * HOUR);
        stage.sqlite.publish(old).await.unwrap();
        tidy(&stage.parts, &mut Default::default(), true)
            .await
            .unwrap();
        let held = floor(&stage).await;
        assert!(
            held.is_none_or(|floor| floor < NOW.plus(-3 * DAY)),
            "{queue}: {held:?}"
        );

        // Taken by a worker and not acked, it is still the head.
        let mut consumer = stage.sqlite.consume(&queue).await.unwrap();
        let taken = consumer.next(1, std::time::Duration::ZERO).await.unwrap();
        tidy(&stage.parts, &mut Default::default(), true)
            .await
            .unwrap();
        assert_eq!(floor(&stage).await, held, "{queue}");

        consumer.ack(&[taken[0].tag]).await.unwrap();
        let mut young = junk(queue.clone(), 2, 1, "young");
        young.accepted_at = NOW.plus(-12 * HOUR + 1);
        stage.sqlite.publish(young).await.unwrap();
        tidy(&stage.parts, &mut Default::default(), true)
            .await
            .unwrap();
        assert_eq!(floor(&stage).await, Some(NOW.plus(-3 * DAY)), "{queue}");
    }
}

#[tokio::test]
async fn a_depth_that_is_unknown_holds_the_floor() {
    let stage = settled().await;
    stage.queue.switches.no_depth.store(true, SeqCst);
    tidy(&stage.parts, &mut Default::default(), true)
        .await
        .unwrap();
    let held = floor(&stage).await;
    assert!(
        held.is_none_or(|floor| floor < NOW.plus(-3 * DAY)),
        "{held:?}"
    );
    stage.queue.switches.no_depth.store(false, SeqCst);
    tidy(&stage.parts, &mut Default::default(), true)
        .await
        .unwrap();
    assert_eq!(
        floor(&stage).await,
        Some(NOW.plus(-3 * DAY)),
        "window and a day"
    );
}

#[tokio::test]
async fn minutes_and_raw_events_leave_after_their_time_and_hours_stay() {
    let stage = settled().await;
    stage
        .publish(&[stage.view.seal.message(1, &request([event(), event()]))])
        .await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
    stage.clock.advance(9 * DAY + HOUR);
    tidy(&stage.parts, &mut Default::default(), true)
        .await
        .unwrap();
    let count = async |level| stage.view.total(SeriesKind::Tenant, level).await.count;
    assert_eq!(
        (count(Level::Minute).await, count(Level::Hour).await),
        (0, 2)
    );
    assert_eq!(stage.raw_events().await.len(), 2);
    stage.clock.advance(DAY);
    tidy(&stage.parts, &mut Default::default(), true)
        .await
        .unwrap();
    assert_eq!(stage.raw_events().await.len(), 0);
    assert_eq!(count(Level::Hour).await, 2);
}
