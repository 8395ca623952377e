//! A panic over one message costs its consumer, not the process: the message comes alone, and the others count.

use sendry_domain::counting::Arrival;
use sendry_store::contract::build::{event, request};

use crate::{
    acts::Act,
    harness::{Stage, pipeline},
};

#[tokio::test]
async fn a_message_that_panics_is_tried_alone_and_the_others_count() {
    let stage = Stage::new();
    let mut left = 4;
    stage.counts.plan(move |arrivals: &[Arrival]| {
        let boom = arrivals
            .iter()
            .flat_map(|a| &a.events)
            .any(|e| e.body.get().contains("boom"));
        if boom && left > 0 {
            left -= 1;
            return Act::Panic;
        }
        Act::Pass
    });
    let messages: Vec<_> = (1..=5)
        .map(|n| {
            let consumer = if n == 3 { "boom" } else { "fine" };
            stage
                .view
                .seal
                .message(n, &request([event().with("consumer", consumer)]))
        })
        .collect();
    stage.publish(&messages).await;
    let running = stage.work();
    stage.emptied(&pipeline()).await;
    assert!(running.alive(), "the process survives");
    running.stop().await;
    let sizes = stage.counts.sizes();
    assert_eq!(sizes[..2], [5, 5], "twice in company");
    assert!(
        sizes[2..].iter().all(|size| *size == 1),
        "then alone: {sizes:?}"
    );
    assert_eq!(stage.account().await, (5, 5, 0, 0, 0));
    assert_eq!(stage.view.letters(None).await, []);
}
