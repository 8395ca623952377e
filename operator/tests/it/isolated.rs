//! A leader that is cut off from the API server, and does not know whether others are.

use std::time::Duration;

use sendry_operator::run::Operator;
use tokio::time::timeout;

use crate::{
    passes::Passes,
    proxy::Proxy,
    support::{Corner, PATIENCE, SHORT, eventually, is},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_drops_what_it_does_and_writes_nothing_when_it_is_back() {
    let corner = Corner::shared().await;
    let proxy = Proxy::start(corner.client.clone()).await;
    // As long as its lease can be renewed, a pass goes on; and there is always one under way.
    let passes = Passes::slow(Duration::from_millis(500));
    let parts = corner.parts(proxy.client(), passes.assemble());
    let metrics = parts.metrics.clone();
    let mut settings = corner.settings();
    settings.resync = Duration::from_secs(1);
    settings.lease = SHORT;
    let a = settings.identity.clone();
    let mut first = Operator::start(parts, settings);
    let term = timeout(PATIENCE, first.leads()).await.unwrap();
    let shop = corner.tenant("shop").await;
    eventually("passes", async || {
        is(passes.of(&shop) > 1, passes.of(&shop))
    })
    .await;

    let parts = corner.parts(corner.client.clone(), passes.assemble());
    let mut settings = corner.settings();
    settings.lease = SHORT;
    let b = settings.identity.clone();
    let mut second = Operator::start(parts, settings);
    proxy.pass(false);
    timeout(PATIENCE, second.leads()).await.unwrap();
    assert!(!term.holds(), "two lead");
    assert_eq!(metrics.leader.get(), 0);
    eventually("a pass of the other", async || {
        let by = passes.by(&shop);
        is(by.contains(&b), by)
    })
    .await;

    let before = proxy.count();
    proxy.pass(true);
    // It is back when it reads the lease again, as a standby.
    eventually("the first to stand by", async || {
        let asked = proxy.asked();
        let leases = asked[before..]
            .iter()
            .filter(|asked| asked.path.contains("/leases"));
        is(leases.clone().count() > 2, leases.collect::<Vec<_>>())
    })
    .await;
    assert_eq!(proxy.writes_since(before), []);
    assert!(first.leadership().is_none());
    assert!(second.leadership().is_some());
    assert!(passes.by(&shop).contains(&a));
    first.stop().await;
    second.stop().await;
}
