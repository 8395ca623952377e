//! Mode `External`: what KEDA, or an HPA, does to a pipeline's `/scale` is obeyed within the bounds.

use std::{sync::Arc, time::Duration};

use kube::api::{Patch, PatchParams, PostParams};
use sendry_crds::condition::{SCALING_ACTIVE, SCALING_LIMITED};
use sendry_queue::fake::FakeDepths;
use serde_json::json;

use super::stage::Stage;
use crate::support::{eventually, is};

const OFTEN: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn what_another_autoscaler_asks_for_is_done_within_the_bounds() {
    let depths = Arc::new(FakeDepths::new());
    let stage = Stage::new(depths.clone(), OFTEN).await;
    depths.set(stage.queue("orders"), 7, 4);
    let scaling = json!({"mode": "External", "min": 1, "max": 5});
    stage.apply("orders", scaling.clone()).await;
    stage.deploy("orders").await;
    stage
        .says("orders", SCALING_ACTIVE, "True", "External")
        .await;
    assert_eq!(stage.wanted("orders").await, 1);
    // What the rest of the operator says of it, which is what an autoscaler reads.
    let selector = "sendry.io/pipeline=orders";
    let status = json!({
        "apiVersion": "sendry.io/v1alpha1", "kind": "SendryPipeline",
        "status": {"replicas": 1, "selector": selector},
    });
    let pipelines = stage.pipelines();
    let params = PatchParams::apply("sendry-operator").force();
    pipelines
        .patch_status("orders", &params, &Patch::Apply(&status))
        .await
        .unwrap();
    let mut scale = pipelines.get_scale("orders").await.unwrap();
    let read = scale.status.clone().unwrap();
    assert_eq!(
        (read.replicas, read.selector.as_deref()),
        (1, Some(selector))
    );

    // An HPA replaces the scale, and so KEDA does above one.
    scale.spec.get_or_insert_default().replicas = Some(4);
    pipelines
        .replace_scale("orders", &PostParams::default(), &scale)
        .await
        .unwrap();
    stage.wanted_becomes("orders", 4).await;
    // KEDA patches it to and from zero.
    let asks = async |replicas: u32| {
        let patch = json!({"spec": {"replicas": replicas}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
        pipelines
            .patch_scale("orders", &params, &patch)
            .await
            .unwrap();
    };
    asks(50).await;
    stage.wanted_becomes("orders", 5).await;
    stage
        .says("orders", SCALING_LIMITED, "True", "MaxWorkers")
        .await;
    asks(0).await;
    stage.wanted_becomes("orders", 1).await;
    let mut to_zero = scaling;
    to_zero["min"] = json!(0);
    stage.apply("orders", to_zero).await;
    stage.wanted_becomes("orders", 0).await;

    // The wish is another's, and stays what it was: nothing outside the status is ours.
    let found = pipelines.get("orders").await.unwrap();
    assert_eq!(found.spec.replicas, Some(0));
    let ours: Vec<_> = found
        .metadata
        .managed_fields
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.manager.as_deref() == Some("sendry-autoscaler"))
        .map(|entry| entry.subresource.unwrap_or_default())
        .collect();
    assert_eq!(ours, ["status"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_nothing_is_written() {
    let depths = Arc::new(FakeDepths::new());
    let stage = Stage::new(depths.clone(), OFTEN).await;
    depths.set(stage.queue("orders"), 0, 4);
    stage
        .apply("orders", json!({"mode": "Fixed", "min": 2, "max": 2}))
        .await;
    stage.deploy("orders").await;
    stage.wanted_becomes("orders", 2).await;
    stage.says("orders", SCALING_ACTIVE, "False", "Fixed").await;
    let version = async || {
        let found = stage.pipelines().get("orders").await.unwrap();
        let written = stage.metric("sendry_scale_writes_total");
        (found.metadata.resource_version, written)
    };
    // Until what was under way is done: five looks without a change.
    let calm = eventually("five looks without a write", async || {
        let (before, looks) = (version().await, depths.asked());
        five_more(&depths, looks).await;
        let after = version().await;
        is(before == after, (&before, &after)).map(|()| after)
    })
    .await;
    let looks = depths.asked();
    for _ in 0..4 {
        five_more(&depths, depths.asked()).await;
    }
    assert_eq!(version().await, calm, "{} looks", depths.asked() - looks);
    assert_eq!(calm.1, Some(1.0));
}

async fn five_more(depths: &FakeDepths, looks: u64) {
    eventually("five more looks", async || {
        is(depths.asked() >= looks + 5, depths.asked())
    })
    .await;
}
