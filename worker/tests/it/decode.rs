//! What is no message, is another's, or is of another build.

use std::time::Duration;

use sendry_domain::dead_letter::State;
use sendry_queue::EventQueue;
use sendry_store::contract::{
    build::{Sealer, event, request, tenant},
    metrics::View,
};

use crate::harness::{Stage, eventually, junk, pipeline, sealed};

#[tokio::test]
async fn bytes_nobody_can_read_are_one_dead_letter_for_all_their_events() {
    let stage = Stage::new();
    stage
        .sqlite
        .publish(junk(pipeline(), 1, 7, "not a message \u{1f600}"))
        .await
        .unwrap();
    stage
        .publish(&[stage.view.seal.message(1, &request([event()]))])
        .await;
    stage
        .sqlite
        .publish(junk(pipeline(), 2, 3, r#"{"v":1}"#))
        .await
        .unwrap();
    stage.run_dry().await;
    assert_eq!(stage.account().await, (11, 1, 0, 0, 10));
    let letters = stage.view.letters(Some(State::Open)).await;
    let mut kept: Vec<_> = letters
        .iter()
        .map(|l| (l.events, l.body.as_str()))
        .collect();
    kept.sort();
    assert_eq!(kept, [(3, r#"{"v":1}"#), (7, "not a message \u{1f600}")]);
    assert!(
        letters
            .iter()
            .all(|l| l.reason == "undecodable" && !l.replayable)
    );
}

#[tokio::test]
async fn a_message_of_another_tenant_counts_for_neither() {
    let stage = Stage::new();
    let theirs = Sealer::new(&tenant("other")).message(1, &request([event(), event()]));
    let mut renamed = stage.view.seal.message(2, &request([event()]));
    let id = renamed.id;
    renamed.id = stage.view.seal.id(3);
    let mut renamed = sealed(pipeline(), &renamed);
    renamed.id = id;
    stage
        .sqlite
        .publish(sealed(pipeline(), &theirs))
        .await
        .unwrap();
    stage.sqlite.publish(renamed).await.unwrap();
    stage.run_dry().await;
    assert_eq!(stage.account().await, (3, 0, 0, 0, 3));
    for letter in stage.view.letters(Some(State::Open)).await {
        assert_eq!(letter.reason, "undecodable");
        assert!(letter.message.contains("another"), "{}", letter.message);
    }
    let other = View {
        id: tenant("other"),
        ..stage.view.clone()
    };
    assert_eq!(other.account().await, (0, 0, 0, 0, 0));
}

#[tokio::test]
async fn an_event_that_breaks_a_rule_is_a_dead_letter_and_its_neighbours_count() {
    let stage = Stage::new();
    let bad = event().with("latencyMs", -1);
    stage
        .publish(&[stage
            .view
            .seal
            .message(1, &request([event(), bad, event()]))])
        .await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (3, 2, 0, 0, 1));
    let letter = stage.view.letter(State::Open).await;
    assert_eq!(
        (letter.reason.as_str(), letter.field.as_deref()),
        ("out_of_range", Some("latencyMs"))
    );
}

#[tokio::test]
async fn a_worker_gives_a_message_of_another_form_back_with_blame() {
    let stage = Stage::new();
    let foreign = junk(pipeline(), 9, 4, r#"{"v":2,"new":true}"#);
    stage.sqlite.publish(foreign).await.unwrap();
    stage
        .publish(&[stage.view.seal.message(1, &request([event()]))])
        .await;
    let running = stage.work();
    let others = || (stage.parts.metrics.raw_events.get() == 1).then_some(());
    eventually("the other message to count", others, || stage.ready()).await;
    let again = || (stage.parts.metrics.redelivered.get() >= 1).then_some(());
    eventually("the message to come again", again, || stage.ready()).await;
    running.stop().await;
    assert_eq!(
        stage.account().await,
        (1, 1, 0, 0, 0),
        "it is nobody's loss yet"
    );

    let mut consumer = stage.sqlite.consume(&pipeline()).await.unwrap();
    let deliveries = consumer.next(10, Duration::ZERO).await.unwrap();
    assert_eq!(deliveries.len(), 1, "only the foreign one is left");
    assert!(
        deliveries[0].delivered_before >= 2,
        "each time it was blamed"
    );
}
