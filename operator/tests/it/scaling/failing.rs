//! Writes that fail.

use std::{sync::Arc, time::Duration};

use sendry_crds::condition::SCALING_ACTIVE;
use sendry_queue::fake::FakeDepths;
use serde_json::json;

use super::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_scaled_is_told_of_and_holds_up_no_other() {
    let depths = Arc::new(FakeDepths::new());
    let stage = Stage::new(depths.clone(), Duration::from_millis(200)).await;
    let fixed = |n: u32| json!({"mode": "Fixed", "min": n, "max": n});
    for name in ["gone", "orders"] {
        depths.set(stage.queue(name), 0, 4);
        stage.apply(name, fixed(3)).await;
    }
    // Somebody has deleted it, and the cache has not heard of it.
    stage.haunt("gone", 1);
    stage
        .says("gone", SCALING_ACTIVE, "False", "ApiServerUnavailable")
        .await;
    // While that goes on failing.
    stage.deploy("orders").await;
    for wanted in [3, 5, 2] {
        stage.apply("orders", fixed(wanted)).await;
        stage.wanted_becomes("orders", wanted).await;
    }
    let told = stage.events.told();
    let scaled = |name: &str| {
        let of_it = told.iter().filter(|told| told.name == name);
        of_it.filter(|told| !told.warning).count()
    };
    assert_eq!((scaled("gone"), scaled("orders")), (0, 3), "{told:?}");
    // It is there again.
    stage.deploy("gone").await;
    stage.wanted_becomes("gone", 3).await;
    stage.says("gone", SCALING_ACTIVE, "False", "Fixed").await;
}
