//! Messages grow under load; nothing waits when there is none; a request is never split.

use std::{collections::HashMap, sync::atomic::Ordering::SeqCst, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    client::{BATCH, HIT, batch, event, post},
    faults_queue::Fault,
    harness::Stage,
};

/// A request after so many milliseconds, so that they do not all come in one moment.
async fn later(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// By a clock that stands while anything is done, so that it is the same on every machine.
#[tokio::test]
async fn under_load_messages_get_larger_instead_of_more() {
    let stage = Stage::new().await;
    let confirm = Duration::from_millis(50);
    stage.queue.fail(Fault::PretendAfter(confirm));
    tokio::time::pause();
    let started = Instant::now();
    let requests = (0..200).map(|n| {
        let stage = &stage;
        async move {
            later(n / 2).await;
            stage.hit().await.accepted();
        }
    });
    join_all(requests).await;
    let (took, publishes) = (started.elapsed(), stage.queue.publishes());
    println!("200 events in {publishes} messages within {took:?}");
    // The requests come within two confirms, and each of the last ones waits for one under way and for its own.
    assert!(took <= confirm * 4, "{took:?}");
    assert!(publishes <= 16, "200 events in {publishes} messages");
    assert_eq!(stage.queue.most_in_flight.load(SeqCst), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_grouped_is_told_the_place_of_their_own_event() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::After(Duration::from_millis(50)));
    let requests = (0..200).map(|n| {
        let stage = &stage;
        async move {
            later(n / 2).await;
            stage.hit().await.accepted()["data"]["eventId"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    });
    let mut told = join_all(requests).await;
    let most = stage.queue.most_in_flight.load(SeqCst);
    assert!(most <= 4, "{most} publishes at once");

    let messages = stage.drain("default").await;
    assert_eq!(messages.len(), stage.queue.publishes());
    let ids = messages
        .iter()
        .flat_map(|m| (0..m.events.len()).map(|n| format!("{}.{n}", m.id)));
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    told.sort();
    assert_eq!(told, ids);
    for message in &messages {
        assert_eq!(
            message.requests.len(),
            message.events.len(),
            "one request an event"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_a_request_is_in_one_message() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::After(Duration::from_millis(20)));
    // 100 to 299 events each: several fit into a message of 1,000, many do not.
    let requests = (0..40usize).map(|n| {
        let stage = &stage;
        async move {
            later(n as u64).await;
            let size = 100 + n * 5;
            let builder = post(BATCH).header("x-request-id", format!("r{n}"));
            stage
                .send(builder, batch(&vec![event(""); size]))
                .await
                .accepted();
        }
    });
    join_all(requests).await;
    assert!(stage.queue.most_in_flight.load(SeqCst) <= 4);
    let mut seen: HashMap<String, usize> = HashMap::new();
    for message in stage.drain("default").await {
        assert!(
            message.events.len() <= 1_000,
            "{} events",
            message.events.len()
        );
        for (number, request) in message.requests.iter().enumerate() {
            let own = message.events.iter().filter(|e| e.request == number as u32);
            let indexes: Vec<_> = own.map(|e| e.index as usize).collect();
            assert_eq!(
                indexes,
                (0..indexes.len()).collect::<Vec<_>>(),
                "whole and in order"
            );
            let twice = seen.insert(request.request_id.clone(), indexes.len());
            assert_eq!(twice, None, "{} is in two messages", request.request_id);
        }
    }
    let expected: HashMap<_, _> = (0..40).map(|n| (format!("r{n}"), 100 + n * 5)).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn when_idle_one_request_is_one_publish_and_waits_for_nothing() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::Pretend);
    tokio::time::pause();
    for n in 1..=20 {
        let started = Instant::now();
        stage.hit().await.accepted();
        assert_eq!(started.elapsed(), Duration::ZERO, "no linger");
        assert_eq!(stage.queue.publishes(), n);
    }
}

#[tokio::test]
async fn a_request_whose_client_left_is_stored_all_the_same() {
    let stage = Stage::new().await;
    stage.queue.fail(Fault::After(Duration::from_millis(20)));
    let sent = tokio::time::timeout(Duration::from_millis(1), stage.hit()).await;
    assert!(sent.is_err(), "it waits for its confirm");
    stage.queue.heal();
    let reply = stage.send(post(HIT), event("")).await;
    reply.accepted();
    let mut events = stage.drain("default").await.len();
    let until = Instant::now() + Duration::from_secs(10);
    while events < 2 {
        assert!(Instant::now() < until, "{events} of 2 messages");
        tokio::time::sleep(Duration::from_millis(2)).await;
        events += stage.drain("default").await.len();
    }
}
