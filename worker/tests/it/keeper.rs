//! The keeper: counts what was parked, one at a time, and buries only what nobody can process.

use std::time::Duration;

use sendry_domain::{
    dead_letter::State,
    routing::{DELIVERY_LIMIT, QueueName},
};
use sendry_queue::EventQueue;
use sendry_store::contract::build::{event, request};

use crate::{
    acts::Act,
    harness::{Stage, junk, parked, pipeline, sealed},
};

/// Delivers everything in a queue so many times, each time to blame.
async fn blame(stage: &Stage, queue: &QueueName, times: u32) {
    let mut consumer = stage.sqlite.consume(queue).await.unwrap();
    for _ in 0..times {
        let deliveries = consumer
            .next(100_000, Duration::from_secs(5))
            .await
            .unwrap();
        let tags: Vec<_> = deliveries.iter().map(|d| d.tag).collect();
        assert_eq!(tags.len(), 1);
        consumer.put_back(&tags, true).await.unwrap();
    }
}

async fn keep_dry(stage: &Stage) {
    let running = stage.keep();
    stage.emptied(&parked()).await;
    assert!(running.alive());
    running.stop().await;
}

#[tokio::test]
async fn good_messages_that_were_parked_are_counted_one_at_a_time() {
    let stage = Stage::new();
    for n in 0..12 {
        let message = stage
            .view
            .seal
            .message(n % 10, &request([event(), event()]));
        stage
            .sqlite
            .publish(sealed(parked(), &message))
            .await
            .unwrap();
    }
    keep_dry(&stage).await;
    assert_eq!(
        stage.account().await,
        (20, 20, 0, 0, 0),
        "two were there twice"
    );
    assert_eq!(stage.counts.sizes(), [1; 12]);
}

#[tokio::test]
async fn a_message_no_running_build_reads_is_buried_by_the_keeper() {
    let stage = Stage::new();
    let body = r#"{"v":2,"new":true}"#;
    stage
        .sqlite
        .publish(junk(parked(), 9, 4, body))
        .await
        .unwrap();
    keep_dry(&stage).await;
    assert_eq!(stage.account().await, (4, 0, 0, 0, 4));
    let letter = stage.view.letter(State::Open).await;
    assert_eq!((letter.events, letter.body.as_str()), (4, body));
    assert!(
        letter.message.contains("form version 2"),
        "{}",
        letter.message
    );
}

#[tokio::test]
async fn ten_crashes_on_one_message_bury_it_and_nine_do_not() {
    for (crashes, account) in [(9, (2, 2, 0, 0, 0)), (10, (2, 0, 0, 0, 2))] {
        let stage = Stage::new();
        let message = stage.view.seal.message(1, &request([event(), event()]));
        stage
            .sqlite
            .publish(sealed(parked(), &message))
            .await
            .unwrap();
        blame(&stage, &parked(), crashes).await;
        keep_dry(&stage).await;
        assert_eq!(stage.account().await, account, "{crashes} crashes");
        for letter in stage.view.letters(None).await {
            assert_eq!(
                letter.body,
                String::from_utf8(message.encode().unwrap()).unwrap()
            );
            assert!(
                letter.message.contains("10 keepers stopped"),
                "{}",
                letter.message
            );
        }
    }
}

#[tokio::test]
async fn a_keeper_that_crashes_ten_times_itself_buries_the_message_and_counts_the_others() {
    let stage = Stage::new();
    stage.counts.plan(|arrivals| {
        let boom = arrivals
            .iter()
            .flat_map(|a| &a.events)
            .any(|e| e.body.get().contains("boom"));
        if boom { Act::Panic } else { Act::Pass }
    });
    let boom = request([event().with("consumer", "boom"), event()]);
    for (n, request) in [(1, request([event()])), (2, boom), (3, request([event()]))] {
        let message = stage.view.seal.message(n, &request);
        stage
            .sqlite
            .publish(sealed(parked(), &message))
            .await
            .unwrap();
    }
    keep_dry(&stage).await;
    assert_eq!(stage.account().await, (4, 2, 0, 0, 2));
    assert_eq!(
        stage.view.letter(State::Open).await.id.message,
        stage.view.seal.id(2)
    );
}

#[tokio::test]
async fn what_no_worker_finished_fifty_times_is_counted_by_the_keeper() {
    let stage = Stage::new();
    stage
        .publish(&[stage.view.seal.message(1, &request([event()]))])
        .await;
    blame(&stage, &pipeline(), DELIVERY_LIMIT).await;
    let keeper = stage.keep();
    stage.run_dry().await;
    stage.emptied(&parked()).await;
    keeper.stop().await;
    assert_eq!(stage.account().await, (1, 1, 0, 0, 0));
}

#[tokio::test]
async fn while_the_store_is_away_the_keeper_buries_nothing() {
    let stage = Stage::new();
    stage.counts.first(4, Act::Away);
    let message = stage.view.seal.message(1, &request([event()]));
    stage
        .sqlite
        .publish(sealed(parked(), &message))
        .await
        .unwrap();
    keep_dry(&stage).await;
    assert_eq!(stage.account().await, (1, 1, 0, 0, 0));
}
