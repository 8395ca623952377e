//! An orderly stop finishes what is held and leaves nothing to be redelivered.

use std::{sync::Arc, time::Duration};

use sendry_store::contract::build::{event, request};
use tokio::sync::Notify;

use crate::{
    acts::Act,
    harness::{Stage, eventually, pipeline},
};

#[tokio::test]
async fn a_count_that_runs_is_finished_kept_and_acked() {
    let stage = Stage::new();
    let go = Arc::new(Notify::new());
    stage.counts.always(Act::Wait(go.clone()));
    let of = |n: u32| stage.view.seal.message(n, &request([event(), event()]));
    stage.publish(&[of(1), of(2)]).await;
    let running = stage.work();
    let counting = || (stage.counts.sizes().len() == 1).then_some(());
    eventually("counting to begin", counting, || stage.ready()).await;
    running.begin_stop();
    stage.publish(&[of(3)]).await;
    go.notify_one();
    running.stop().await;

    assert_eq!(stage.account().await, (4, 4, 0, 0, 0));
    let depth = stage.depth(&pipeline()).await;
    assert_eq!(
        (depth.ready, depth.unacknowledged),
        (1, Some(0)),
        "acked, and nothing new taken"
    );
    let mut consumer = sendry_queue::EventQueue::consume(&*stage.sqlite, &pipeline())
        .await
        .unwrap();
    let left = consumer.next(100, Duration::ZERO).await.unwrap();
    assert_eq!(
        (left.len(), left[0].message.id, left[0].delivered_before),
        (1, of(3).id, 0)
    );
}

/// Two transactions that wait for each other, say: the next try works.
#[tokio::test]
async fn what_fails_by_chance_is_tried_again_while_leaving() {
    let stage = Stage::new();
    let running = stage.work();
    let ready = || stage.ready().contains("/0 ok").then_some(());
    eventually("the consumer to be ready", ready, || stage.ready()).await;
    let (stop, mut calls) = (running.shutdown.clone(), 0);
    stage.counts.plan(move |_| {
        stop.begin();
        calls += 1;
        if calls < 4 { Act::Away } else { Act::Pass }
    });
    let of = stage.view.seal.message(1, &request([event(), event()]));
    stage.publish(&[of]).await;
    stage.emptied(&pipeline()).await;
    running.stop().await;
    assert_eq!(stage.counts.sizes(), [1; 4]);
    assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
}

#[tokio::test]
async fn an_idle_worker_leaves_at_once() {
    let stage = Stage::new();
    let running = stage.start(sendry_worker::Role::Worker, &pipeline(), 3);
    let ready = || stage.ready().contains("/2 ok").then_some(());
    eventually("the consumers to be ready", ready, || stage.ready()).await;
    let stopping = tokio::time::timeout(Duration::from_secs(5), running.stop()).await;
    stopping.unwrap();
}
