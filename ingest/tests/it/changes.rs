//! Changes that the store tells of act at once, and many of them cost few looks.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use sendry_domain::time::UnixMillis;
use sendry_store::{ControlStore, TenantRecord};
use tokio::time::{Instant, sleep};

use crate::harness::{NOW, Stage, key, tenant, tenant_record};

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_the_store_tells_of_acts_before_the_next_poll() {
    let stage = Stage::new().await;
    stage.control.tell();
    // It waits deaf once more, for one poll at most; then it hears.
    let before = stage.control.asked.load(SeqCst);
    crate::harness::eventually(
        "the next poll",
        || (stage.control.asked.load(SeqCst) > before).then_some(()),
        || "none".to_owned(),
    )
    .await;
    stage.hit().await.accepted();
    let id = key(1).id().clone();
    stage
        .store
        .revoke_key(&tenant("acme"), &id, UnixMillis(NOW))
        .await
        .unwrap();
    // A look may be between two waits, so changes are made until more looks were taken than polls could be.
    let (before, begun) = (stage.control.asked.load(SeqCst), Instant::now());
    for n in 0.. {
        let record = TenantRecord {
            raw_retention: n,
            ..tenant_record("other")
        };
        stage.store.put_tenant(&record).await.unwrap();
        let looks = stage.control.asked.load(SeqCst) - before;
        if looks > begun.elapsed().as_secs() as usize / 2 + 3 {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "only {looks} looks"
        );
        sleep(Duration::from_millis(20)).await;
    }
    stage.hit().await.refused(403, "revoked_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_changes_costs_few_looks() {
    let stage = Stage::new().await;
    stage.control.tell();
    let before = stage.control.asked.load(SeqCst);
    crate::harness::eventually(
        "the next poll",
        || (stage.control.asked.load(SeqCst) > before).then_some(()),
        || "none".to_owned(),
    )
    .await;
    let before = stage.control.asked.load(SeqCst);
    let begun = Instant::now();
    for n in 0..300 {
        let record = TenantRecord {
            raw_retention: n,
            ..tenant_record("other")
        };
        stage.store.put_tenant(&record).await.unwrap();
    }
    let looks = stage.control.asked.load(SeqCst) - before;
    let most = begun.elapsed().as_millis() as usize / 50 + 2;
    assert!(looks <= most, "{looks} looks where {most} are enough");
}
