//! Several operators beside each other.

use sendry_operator::{
    run::{Operator, Running},
    settings::Settings,
};
use tokio::time::timeout;

use crate::{
    passes::Passes,
    support::{Corner, PATIENCE, SHORT, eventually, is},
};

/// An operator and its name.
fn start(corner: &Corner, passes: &Passes) -> (Running, String) {
    start_with(corner.settings(), corner, passes)
}

fn start_with(settings: Settings, corner: &Corner, passes: &Passes) -> (Running, String) {
    let parts = corner.parts(corner.client.clone(), passes.assemble());
    let identity = settings.identity.clone();
    (Operator::start(parts, settings), identity)
}

async fn passed(passes: &Passes, name: &str, by: &str) {
    eventually("a pass", async || {
        let seen = passes.by(name);
        is(seen.iter().any(|who| who == by), seen)
    })
    .await;
}

#[tokio::test]
async fn one_works_and_the_other_takes_over_when_it_stops() {
    let corner = Corner::shared().await;
    let shop = corner.tenant("shop").await;
    let passes = Passes::default();
    let (mut first, a) = start(&corner, &passes);
    timeout(PATIENCE, first.leads()).await.unwrap();
    let (mut second, b) = start(&corner, &passes);
    passed(&passes, &shop, &a).await;
    let bank = corner.tenant("bank").await;
    passed(&passes, &bank, &a).await;
    assert!(second.leadership().is_none());
    assert_eq!(passes.by(&shop), std::slice::from_ref(&a));

    first.stop().await;
    timeout(PATIENCE, second.leads()).await.unwrap();
    passed(&passes, &shop, &b).await;
    passed(&passes, &bank, &b).await;
    second.stop().await;
}

#[tokio::test]
async fn one_that_vanishes_is_replaced() {
    let corner = Corner::shared().await;
    let shop = corner.tenant("shop").await;
    let passes = Passes::default();
    let short = || Settings {
        lease: SHORT,
        ..corner.settings()
    };
    let (mut first, _) = start_with(short(), &corner, &passes);
    let term = timeout(PATIENCE, first.leads()).await.unwrap();
    let (mut second, b) = start_with(short(), &corner, &passes);
    drop(first);
    timeout(PATIENCE, second.leads()).await.unwrap();
    assert!(!term.holds());
    passed(&passes, &shop, &b).await;
    second.stop().await;
}
