//! A store away: the worker holds what it has, takes nothing new, buries nothing, and says so.

use std::time::Duration;

use sendry_store::contract::build::{event, request};

use crate::{
    acts::Act,
    faults_raw::RawAct,
    harness::{Running, Stage, eventually, pipeline},
};

/// A worker that holds one message because of the store, with nine more in the queue.
async fn holding(stage: &Stage, store: &str) -> Running {
    let of = |n: u32| stage.view.seal.message(n, &request([event()]));
    stage.publish(&[of(0)]).await;
    let running = stage.work();
    let told = || {
        let told = stage
            .ready()
            .contains(&format!("the {store} store is away"));
        // It is told from the first failure on; the fifth opens the breaker.
        let tries = stage.counts.sizes().len().max(stage.raw.inserts());
        (told && tries >= 5).then_some(())
    };
    eventually("readiness to tell and the breaker to open", told, || {
        stage.ready()
    })
    .await;
    stage.publish(&(1..10).map(of).collect::<Vec<_>>()).await;
    running
}

async fn nothing_moves(stage: &Stage) {
    let (calls, inserts) = (stage.counts.sizes().len(), stage.raw.inserts());
    // Several times as long as the worker's pauses between looks.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(
        (stage.counts.sizes().len(), stage.raw.inserts()),
        (calls, inserts)
    );
    let depth = stage.depth(&pipeline()).await;
    assert_eq!(
        (depth.ready, depth.unacknowledged),
        (9, Some(1)),
        "nothing taken, nothing given back"
    );
    assert_eq!(
        stage.view.letters(None).await,
        [],
        "nothing is dead because a store is away"
    );
}

#[tokio::test]
async fn five_failures_of_the_metric_store_stop_the_worker_until_it_is_back() {
    let stage = Stage::new();
    stage.counts.always(Act::Away);
    let running = holding(&stage, "metric").await;
    assert_eq!(stage.counts.sizes(), [1; 5], "five tries, then quiet");
    nothing_moves(&stage).await;

    // Half-open, and still away: one try, and closed again for as long.
    stage.clock.advance(30_000);
    let tried = || (stage.counts.sizes().len() > 5).then_some(());
    eventually("one more try", tried, || {
        format!("{:?}", stage.counts.sizes())
    })
    .await;
    nothing_moves(&stage).await;
    assert_eq!(stage.counts.sizes().len(), 6);

    stage.counts.always(Act::Pass);
    stage.clock.advance(30_000);
    stage.emptied(&pipeline()).await;
    assert_eq!(
        stage.counts.sizes()[6..],
        [1, 1, 8],
        "the two probes are single messages"
    );
    let ready = || stage.ready().contains("/0 ok").then_some(());
    eventually("readiness", ready, || stage.ready()).await;
    running.stop().await;
    assert_eq!(stage.account().await, (10, 10, 0, 0, 0));
}

#[tokio::test]
async fn five_failures_of_the_raw_store_stop_the_worker_until_it_is_back() {
    let stage = Stage::new();
    stage.raw.always(RawAct::Away);
    let running = holding(&stage, "raw").await;
    assert_eq!((stage.counts.sizes(), stage.raw.inserts()), (vec![1], 5));
    nothing_moves(&stage).await;
    stage.raw.always(RawAct::Pass);
    stage.clock.advance(30_000);
    stage.emptied(&pipeline()).await;
    running.stop().await;
    assert_eq!(stage.counts.sizes(), [1, 1, 8]);
    assert_eq!(stage.account().await, (10, 10, 0, 0, 0));
}

#[tokio::test]
async fn damaged_data_is_held_for_a_person_and_not_buried() {
    let stage = Stage::new();
    stage.counts.always(Act::Damaged);
    let running = holding(&stage, "metric").await;
    nothing_moves(&stage).await;
    stage.counts.always(Act::Pass);
    stage.clock.advance(30_000);
    stage.emptied(&pipeline()).await;
    running.stop().await;
    assert_eq!(stage.account().await, (10, 10, 0, 0, 0));
}

#[tokio::test]
async fn a_worker_told_to_leave_meanwhile_blames_no_message() {
    let stage = Stage::new();
    stage.counts.always(Act::Away);
    holding(&stage, "metric").await.stop().await;
    let mut consumer = sendry_queue::EventQueue::consume(&*stage.sqlite, &pipeline())
        .await
        .unwrap();
    let mut before = Vec::new();
    while before.len() < 10 {
        let deliveries = consumer.next(1_000, Duration::from_secs(5)).await.unwrap();
        assert!(!deliveries.is_empty(), "only {} came again", before.len());
        before.extend(deliveries.iter().map(|d| d.delivered_before));
    }
    assert_eq!(
        before, [0; 10],
        "a store that is away is no reason to suspect a message"
    );
}
