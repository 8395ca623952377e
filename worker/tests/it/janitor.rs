//! The janitor drops what is past retention, and moves the floor only when it knows what waits.

use std::sync::Arc;

use sendry_domain::{
    id::PipelineName,
    routing::QueueName,
    time::{DAY, HOUR, UnixMillis},
    window::Window,
};
use sendry_runtime::{health::Health, shutdown::Shutdown};
use sendry_store::{ControlStore, MetricStore, PipelineRecord, TenantRecord, contract::build::NOW};
use sendry_worker::janitor::{self, tidy};

use crate::{
    blind::Blind,
    harness::Bed,
    running::{Running, until},
};

/// With the tenant known, and a pipeline beside the fallback.
async fn bed() -> Bed {
    let bed = Bed::new();
    let tenant = TenantRecord {
        id: bed.tenant.clone(),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: 30 * DAY,
    };
    bed.store.put_tenant(&tenant).await.unwrap();
    let pipeline = PipelineRecord {
        tenant: bed.tenant.clone(),
        name: PipelineName::new("web").unwrap(),
        services: vec![],
        environments: vec![],
        created_at: NOW,
    };
    bed.store.put_pipeline(&pipeline).await.unwrap();
    bed
}

async fn floor(bed: &Bed) -> Option<UnixMillis> {
    bed.store.ledger(&bed.tenant).await.unwrap().floor
}

fn floor_at(now: UnixMillis) -> Option<UnixMillis> {
    Some(now.plus(-Window::default().past() - DAY))
}

#[tokio::test]
async fn unknown_depth_holds_the_floor() {
    let bed = bed().await;
    let mut parts = bed.parts();
    parts.queue = Arc::new(Blind(bed.queue.clone()));
    tidy(&parts, true).await.unwrap();
    assert_eq!(floor(&bed).await, None);
    tidy(&bed.parts(), false).await.unwrap();
    assert_eq!(floor(&bed).await, None, "only a purge moves it");
    tidy(&bed.parts(), true).await.unwrap();
    assert_eq!(floor(&bed).await, floor_at(NOW), "all queues are empty");
    bed.clock.advance(DAY);
    tidy(&parts, true).await.unwrap();
    assert_eq!(floor(&bed).await, floor_at(NOW));
}

#[tokio::test]
async fn an_old_message_in_any_queue_holds_the_floor() {
    let web = PipelineName::new("web").unwrap();
    for which in 0..3 {
        let bed = bed().await;
        let queue = match which {
            0 => bed.pipeline(),
            1 => QueueName::Pipeline(bed.tenant.clone(), web.clone()),
            _ => bed.parked(),
        };
        let body = bed.message(1, &["/a"]).encode().unwrap();
        bed.publish_bytes(queue.clone(), bed.seal.id(1), 1, body)
            .await;
        tidy(&bed.parts(), true).await.unwrap();
        assert_eq!(floor(&bed).await, floor_at(NOW), "{queue}: fresh");
        bed.clock.advance(13 * HOUR);
        tidy(&bed.parts(), true).await.unwrap();
        assert_eq!(floor(&bed).await, floor_at(NOW), "{queue}: old");
    }
}

#[tokio::test]
async fn counted_after_a_long_wait_it_is_still_counted_once() {
    let bed = bed().await;
    let message = bed.message(1, &["/a", "/b"]);
    bed.publish(&[message.clone(), message]).await;
    bed.clock.advance(6 * DAY);
    tidy(&bed.parts(), true).await.unwrap();
    let worker = Running::worker(&bed, &bed.parts());
    let seen = bed.drained().await;
    assert_eq!((seen.tally.received, seen.tally.counted), (2, 2));
    assert_eq!((seen.tally.dead_open, seen.raw), (0, 2), "{seen:?}");
    worker.stop().await;
}

#[tokio::test]
async fn raw_events_go_after_their_retention_and_counts_stay() {
    let bed = bed().await;
    bed.publish(&[bed.message(1, &["/a", "/b"])]).await;
    let worker = Running::worker(&bed, &bed.parts());
    assert_eq!(bed.drained().await.raw, 2);
    worker.stop().await;
    bed.clock.advance(30 * DAY);
    tidy(&bed.parts(), true).await.unwrap();
    assert_eq!(bed.raw().await.len(), 2, "not before");
    bed.clock.advance(1);
    tidy(&bed.parts(), true).await.unwrap();
    let seen = bed.drained().await;
    assert_eq!((seen.raw, seen.tally.counted), (0, 2), "{seen:?}");
    let left = bed.store.derive_levels().await.unwrap();
    assert_eq!(left, 0, "the round derived days and months");
}

#[tokio::test]
async fn it_runs_until_told_to_stop() {
    let bed = bed().await;
    let (health, stop) = (Health::new(), Shutdown::new());
    let component = health.component("janitor");
    let run = tokio::spawn(janitor::run(bed.parts(), component, stop.token()));
    let ready = async || health.readiness().ok();
    until("a round is done", ready, |ok| *ok).await;
    assert_eq!(floor(&bed).await, floor_at(NOW), "the first round purges");
    stop.begin();
    run.await.unwrap();
}
