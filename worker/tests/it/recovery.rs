//! A breaker that is half-open when the store breaks in a worse way still lets the worker come back.

use sendry_store::contract::build::{event, request};

use crate::{
    acts::Act,
    harness::{Stage, eventually, pipeline},
};

#[tokio::test]
async fn a_panic_of_a_probe_does_not_keep_the_breaker_half_open_for_ever() {
    let stage = Stage::new();
    let of = |n: u32| stage.view.seal.message(n, &request([event()]));
    stage.counts.always(Act::Away);
    stage.publish(&[of(1), of(2), of(3)]).await;
    let running = stage.work();
    let told = || {
        stage
            .ready()
            .contains("the metric store is away")
            .then_some(())
    };
    eventually("readiness to tell", told, || stage.ready()).await;
    // As many panics as there are probes, and one more.
    stage.counts.first(3, Act::Panic);
    stage.clock.advance(30_000);
    stage.emptied(&pipeline()).await;
    assert!(running.alive());
    running.stop().await;
    assert_eq!(stage.account().await, (3, 3, 0, 0, 0));
}
