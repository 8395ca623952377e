//! Many tenants at once: what `cargo xtask bench operator` measures with hundreds, as far as it is no matter of time.

use kube::api::ListParams;
use sendry_crds::condition::{READY, find};
use sendry_operator::settings::WATCH_FILTER_LABEL;
use sendry_store::ControlStore;
use serde_json::json;

use super::stage::Stage;
use crate::support::{eventually, is};

const MANY: usize = 40;

#[tokio::test]
async fn many_tenants_get_ready_and_looking_at_all_of_them_again_writes_nothing() {
    let mut stage = Stage::new().await;
    // They are there before the operator is.
    stage.stop().await;
    for n in 0..MANY {
        let spec = json!({"apiKeys": [{"name": "app", "rotation": {"interval": "720h"}}]});
        stage.apply(&format!("many-{n}"), spec).await;
    }
    stage.start();
    let ready = all_ready(&stage).await;
    let snapshot = stage.store.snapshot().await.unwrap();
    assert_eq!((snapshot.tenants.len(), snapshot.keys.len()), (MANY, MANY));
    assert_eq!(stage.broker.peek().queues.len(), MANY);
    // A pass that was under way ends with its writes.
    stage.stop().await;

    let before = (stage.writes(), stage.broker.writes());
    let (version, passes) = (stage.store.version().await.unwrap(), stage.passes());
    stage.start();
    eventually("a pass over all", async || {
        let done = stage.passes() - passes;
        is(done >= MANY as u64, done)
    })
    .await;
    stage.stop().await;
    assert_eq!((stage.writes(), stage.broker.writes()), before);
    assert_eq!(stage.store.version().await.unwrap(), version);
    assert_eq!(all_ready(&stage).await, ready);
}

/// Waits until all are Ready; their versions.
async fn all_ready(stage: &Stage) -> Vec<Option<String>> {
    let ours = ListParams::default().labels(&format!("{WATCH_FILTER_LABEL}={}", stage.corner.name));
    eventually("all tenants to be Ready", async || {
        let list = stage.corner.tenants().list(&ours).await;
        let tenants = list.map_err(|error| error.to_string())?.items;
        let ready = tenants.iter().filter(|tenant| {
            let status = tenant.status.as_ref();
            let said = status.and_then(|status| find(&status.conditions, READY));
            said.is_some_and(|said| said.status == "True")
        });
        is(
            ready.count() == MANY,
            tenants.iter().map(|t| &t.status).collect::<Vec<_>>(),
        )?;
        Ok(tenants
            .into_iter()
            .map(|tenant| tenant.metadata.resource_version)
            .collect())
    })
    .await
}
