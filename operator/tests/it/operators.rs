//! Several operators beside each other.

use sendry_operator::run::{Operator, Running};
use tokio::time::timeout;

use crate::{
    passes::Passes,
    support::{Corner, PATIENCE, eventually, is},
};

/// An operator and its name.
fn start(corner: &Corner, passes: &Passes) -> (Running, String) {
    let parts = corner.parts(corner.client.clone(), passes.assemble());
    let settings = corner.settings();
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
    let (mut first, _) = start(&corner, &passes);
    let term = timeout(PATIENCE, first.leads()).await.unwrap();
    let (mut second, b) = start(&corner, &passes);
    drop(first);
    timeout(PATIENCE, second.leads()).await.unwrap();
    assert!(!term.holds());
    passed(&passes, &shop, &b).await;
    second.stop().await;
}
