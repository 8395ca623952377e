//! Pipelines that go, and a term that ends.

use std::{sync::Arc, time::Duration};

use kube::api::DeleteParams;
use sendry_crds::condition::SCALING_ACTIVE;
use sendry_queue::fake::FakeDepths;
use serde_json::json;

use super::stage::Stage;
use crate::support::{eventually, is};

async fn shown(stage: &Stage, pipeline: &str, expected: Option<f64>) {
    let tenant = stage.tenant();
    let series =
        format!("sendry_pipeline_desired_replicas{{tenant=\"{tenant}\",pipeline=\"{pipeline}\"}}");
    eventually(&format!("{series} {expected:?}"), async || {
        let seen = stage.metric(&series);
        is(seen == expected, seen)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_and_who_leads_no_more_has_no_series() {
    let depths = Arc::new(FakeDepths::new());
    let mut stage = Stage::new(depths.clone(), Duration::from_millis(200)).await;
    for name in ["goes", "stays"] {
        depths.set(stage.queue(name), 0, 4);
        stage
            .apply(name, json!({"mode": "Fixed", "min": 3, "max": 3}))
            .await;
        shown(&stage, name, Some(3.0)).await;
    }
    let gone = DeleteParams::default();
    stage.pipelines().delete("goes", &gone).await.unwrap();
    shown(&stage, "goes", None).await;
    shown(&stage, "stays", Some(3.0)).await;
    stage.end_term().await;
    shown(&stage, "stays", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_kept_is_scaled_and_nobody_is_told() {
    let depths = Arc::new(FakeDepths::new());
    let stage = Stage::new(depths.clone(), Duration::from_millis(200)).await;
    // It is there all the same, so that it would be seen if its status were written.
    stage.keep("kept");
    for name in ["kept", "orders"] {
        depths.set(stage.queue(name), 0, 4);
        stage.deploy(name).await;
        stage
            .apply(name, json!({"mode": "Fixed", "min": 3, "max": 3}))
            .await;
        stage.wanted_becomes(name, 3).await;
    }
    stage.says("orders", SCALING_ACTIVE, "False", "Fixed").await;
    eventually("an Event of orders", async || {
        let told = stage.events.told();
        is(told.iter().any(|told| told.name == "orders"), told)
    })
    .await;
    let kept = stage.pipelines().get("kept").await.unwrap();
    assert_eq!(kept.status, None);
    let told = stage.events.told();
    assert!(told.iter().all(|told| told.name != "kept"), "{told:?}");
}
