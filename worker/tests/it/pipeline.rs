//! From the queue to counts and raw events, each event once.

use sendry_store::contract::build::{Request, all, event, request};
use sendry_worker::Role;

use crate::harness::{Stage, pipeline};

fn three(id: u128) -> Request {
    request([event().id("a"), event(), event().status(500)]).batch(id)
}

#[tokio::test]
async fn what_is_published_is_counted_kept_and_acked() {
    let stage = Stage::new();
    let seal = &stage.view.seal;
    let spaced = sendry_store::contract::build::request_of([event().json().replace(':', " : ")]);
    let messages = [seal.message(1, &three(7)), seal.message(2, &spaced)];
    stage.publish(&messages).await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (4, 4, 0, 0, 0));
    let raw = stage.raw_events().await;
    let sent = messages
        .iter()
        .flat_map(|m| m.events.iter().zip(0..).map(|(e, n)| (m.id, n, e)));
    let mut sent: Vec<_> = sent
        .map(|(id, n, e)| (id, n, e.body.get().to_owned()))
        .collect();
    sent.sort();
    let kept: Vec<_> = raw
        .iter()
        .map(|r| (r.id.message, r.id.position, r.body.clone()))
        .collect();
    assert_eq!(kept, sent, "the client's bytes, under their place");
    assert!(
        raw.iter().all(|r| r.request_id.starts_with("req-")),
        "{raw:?}"
    );
}

#[tokio::test]
async fn however_it_comes_again_it_counts_once() {
    let stage = Stage::new();
    let seal = &stage.view.seal;
    let (first, second) = (three(7), request([event().id("b"), event()]).batch(8));
    let requests = [first.clone(), second.clone()];
    let all = all(&requests);
    let once = seal.message(1, &first);
    let messages = [
        once.clone(),
        // The same message: published twice, or delivered again after its ack was lost.
        once,
        // The client sent it again, packed otherwise or not: the same bytes under another message.
        seal.message(2, &first),
        // Grouped with another request.
        seal.seal(3, &requests, &all),
        // Split over two pipelines' messages.
        seal.seal(4, &requests, &all[..2]),
        seal.seal(5, &requests, &all[2..]),
    ];
    stage.publish(&messages).await;
    stage.run_dry().await;
    let (received, counted, duplicates, conflicts, dead) = stage.account().await;
    assert_eq!((counted, conflicts, dead), (5, 0, 0));
    // The second delivery of a message is nobody's event.
    assert_eq!((received, duplicates), (3 + 3 + 5 + 2 + 3, 11));
    // And again, in the other order, to a worker that remembers nothing.
    stage
        .publish(&messages.into_iter().rev().collect::<Vec<_>>())
        .await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (received, counted, duplicates, 0, 0));
}

#[tokio::test]
async fn other_content_under_a_known_name_is_a_conflict() {
    let stage = Stage::new();
    let seal = &stage.view.seal;
    let (a, b) = (
        request([event().id("a")]),
        request([event().id("a").status(500)]),
    );
    stage
        .publish(&[seal.message(1, &a), seal.message(2, &b)])
        .await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (2, 1, 0, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_consumers_share_a_queue_and_count_each_event_once() {
    let stage = Stage::new();
    let seal = &stage.view.seal;
    // Every batch comes three times, under three messages.
    let messages: Vec<_> = (0..300u32)
        .map(|n| {
            let batch = n % 100;
            let events = (0..5).map(|e| event().endpoint(&format!("/{}", (batch + e) % 7)));
            seal.message(n, &request(events).batch(u128::from(batch) + 1))
        })
        .collect();
    stage.publish(&messages).await;
    let running = stage.start(Role::Worker, &pipeline(), 4);
    stage.emptied(&pipeline()).await;
    running.stop().await;
    assert_eq!(stage.account().await, (1_500, 500, 1_000, 0, 0));
}
