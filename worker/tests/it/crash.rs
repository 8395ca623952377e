//! A crash at every point between delivery and ack: what comes again is finished, and nothing is there twice.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use sendry_domain::message::Message;
use sendry_store::contract::build::{event, request};
use tokio::sync::Notify;

use crate::{
    acts::Act,
    faults_raw::RawAct,
    harness::{Stage, eventually, pipeline},
};

/// Three messages of two events, one of them a duplicate of another's.
async fn published() -> (Stage, Vec<Message>) {
    let stage = Stage::new();
    let of = |n: u32, id: &str| {
        stage
            .view
            .seal
            .message(n, &request([event().id(id), event()]))
    };
    let messages = vec![of(1, "a"), of(2, "a"), of(3, "b")];
    stage.publish(&messages).await;
    (stage, messages)
}

/// All is as if nothing had happened.
async fn exact(stage: &Stage) {
    assert_eq!(stage.account().await, (6, 5, 1, 0, 0));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_counts_once() {
    let (stage, _) = published().await;
    stage.counts.first(1, Act::AwayAfter);
    stage.run_dry().await;
    assert_eq!(stage.counts.sizes(), [3, 3], "the same transaction again");
    exact(&stage).await;
}

#[tokio::test]
async fn a_raw_store_that_is_away_for_a_while_gets_everything() {
    let (stage, _) = published().await;
    stage.raw.first(3, RawAct::Away);
    stage.run_dry().await;
    assert_eq!(
        stage.counts.sizes(),
        [3],
        "what is counted is not counted again"
    );
    exact(&stage).await;
}

#[tokio::test]
async fn a_raw_store_whose_answer_is_lost_keeps_everything_once() {
    let (stage, _) = published().await;
    stage.raw.first(2, RawAct::AwayAfter);
    stage.run_dry().await;
    exact(&stage).await;
}

#[tokio::test]
async fn an_ack_that_fails_brings_the_messages_again_and_nothing_twice() {
    let (stage, _) = published().await;
    stage.queue.switches.failing_acks.store(2, SeqCst);
    stage.run_dry().await;
    assert_eq!(stage.queue.switches.failing_acks.load(SeqCst), 0);
    assert!(stage.counts.sizes().len() >= 3, "delivered three times");
    exact(&stage).await;
}

#[tokio::test]
async fn a_worker_that_dies_before_it_counts_leaves_all_to_the_next() {
    let (stage, _) = published().await;
    stage.counts.always(Act::Wait(Arc::new(Notify::new())));
    let running = stage.work();
    let counting = || (!stage.counts.sizes().is_empty()).then_some(());
    eventually("counting to begin", counting, || stage.ready()).await;
    drop(running);
    stage.counts.always(Act::Pass);
    stage.run_dry().await;
    exact(&stage).await;
}

#[tokio::test]
async fn a_worker_that_dies_between_counts_and_raw_events_is_finished_by_the_next() {
    let (stage, messages) = published().await;
    stage.raw.always(RawAct::Hang);
    let running = stage.work();
    let keeping = || (stage.raw.inserts() > 0).then_some(());
    eventually("raw events to be kept", keeping, || stage.ready()).await;
    drop(running);
    assert_eq!(
        stage.view.account().await,
        (6, 5, 1, 0, 0),
        "counted already"
    );
    assert!(stage.raw_events().await.is_empty());

    // Its place is taken while other messages bring the same events.
    stage.raw.always(RawAct::Pass);
    stage.publish(&messages).await;
    stage.run_dry().await;
    exact(&stage).await;
}

#[tokio::test]
async fn a_worker_that_dies_between_raw_events_and_ack_is_finished_by_the_next() {
    let (stage, _) = published().await;
    stage.queue.switches.hanging_acks.store(true, SeqCst);
    let running = stage.work();
    let acking = || (stage.queue.switches.acks.load(SeqCst) > 0).then_some(());
    eventually("the ack to begin", acking, || stage.ready()).await;
    drop(running);
    exact(&stage).await;
    stage.queue.switches.hanging_acks.store(false, SeqCst);
    stage.run_dry().await;
    assert_eq!(stage.counts.sizes().len(), 2, "delivered again");
    exact(&stage).await;
    assert_eq!(stage.depth(&pipeline()).await.unacknowledged, Some(0));
}
