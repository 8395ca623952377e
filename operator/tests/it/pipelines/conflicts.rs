//! Who has a pattern.

use sendry_domain::routing::{Pattern, Router};
use sendry_store::ControlStore;
use serde_json::json;

use super::stage::Pipes;
use crate::support::{eventually, is};

/// The choice that ingest makes from the settings.
async fn router(pipes: &Pipes) -> Router {
    let snapshot = pipes.stage.store.snapshot().await.unwrap();
    let of = snapshot.pipelines.into_iter().filter(|p| !p.retired);
    let patterns = of.map(|p| Pattern {
        pipeline: p.name,
        services: p.services,
        environments: p.environments,
        created_at: p.created_at,
    });
    Router::new(patterns.collect())
}

#[tokio::test]
async fn the_older_keeps_its_pattern_and_the_younger_has_it_when_that_goes() {
    let pipes = Pipes::new().await;
    // Made within a second, the name decides, as it does for ingest.
    pipes.idle("a", json!({"services": ["shop"]})).await;
    pipes
        .apply(
            "b",
            json!({"services": ["shop", "pay"], "scaling": {"min": 0}}),
        )
        .await;
    let stalled = pipes
        .says("b", "Stalled", "True", Some("PatternConflict"))
        .await;
    let said = stalled.status.unwrap().conditions;
    let message = &sendry_crds::condition::find(&said, "Ready")
        .unwrap()
        .message;
    assert!(message.contains("pipeline a"), "{message}");
    assert!(pipes.row("b").await.is_none(), "nothing is made for it");
    assert_eq!(pipes.on_the_broker("b"), (false, 0));
    assert_eq!(router(&pipes).await.choose("shop", None).as_str(), "a");

    pipes.delete("a").await;
    pipes.ready("b").await;
    eventually("its events", async || {
        let router = router(&pipes).await;
        let chosen = (router.choose("shop", None), router.choose("pay", None));
        is(chosen.0.as_str() == "b" && chosen.1.as_str() == "b", chosen)
    })
    .await;
}

#[tokio::test]
async fn one_that_comes_to_ask_for_what_another_has_loses_all_it_had() {
    let mut pipes = Pipes::new().await;
    pipes.idle("a", json!({"services": ["shop"]})).await;
    pipes.idle("b", json!({"services": ["pay"]})).await;
    assert!(pipes.is_routed("b").await);
    let spec = json!({"services": ["pay", "shop"], "scaling": {"min": 0}});
    pipes.apply("b", spec).await;
    pipes
        .says("b", "Stalled", "True", Some("PatternConflict"))
        .await;
    assert!(!pipes.is_routed("b").await);
    // What it had stays, and what waits there is still processed.
    assert_eq!(pipes.on_the_broker("b"), (true, 1));
    pipes.has_workers("b", 1).await;
    // By another operator too.
    pipes.stage.stop().await;
    pipes.scale("b", 0, 0).await;
    pipes.stage.start();
    pipes.has_workers("b", 1).await;
    pipes.idle("b", json!({"services": ["pay"]})).await;
    assert!(pipes.is_routed("b").await);
}

#[tokio::test]
async fn what_nobody_asks_for_is_worked_off_in_a_default_that_lost_its_pattern() {
    let pipes = Pipes::new().await;
    pipes.idle("a", json!({"services": ["shop"]})).await;
    pipes.idle("default", json!({"services": ["own"]})).await;
    let spec = json!({"services": ["shop"], "scaling": {"min": 0}});
    pipes.apply("default", spec).await;
    pipes
        .says("default", "Stalled", "True", Some("PatternConflict"))
        .await;
    // Ingest has to send it somewhere.
    assert_eq!(router(&pipes).await.choose("pay", None).as_str(), "default");
    assert_eq!(pipes.on_the_broker("default"), (true, 1));
    pipes.has_workers("default", 1).await;
}

#[tokio::test]
async fn what_was_kept_has_a_worker_under_another_operator_whoever_has_its_name() {
    let mut pipes = Pipes::new().await;
    // Older than what will have been kept: a resource that takes that up is as old as it.
    pipes.idle("pay", json!({"services": ["pay"]})).await;
    let spec = json!({"services": ["shop"], "deletionPolicy": "Retain"});
    pipes.apply("shop", spec).await;
    pipes.scale("shop", 1, 1).await;
    pipes.ready("shop").await;
    pipes.delete("shop").await;
    pipes.gone("shop").await;
    pipes.stage.stop().await;
    pipes.scale("shop", 0, 0).await;
    pipes.stage.start();
    pipes.has_workers("shop", 1).await;
    // One of its name that asks for what it cannot have takes nothing up, and ingest sends there what it did.
    let spec = json!({"services": ["pay"], "scaling": {"min": 0}});
    pipes.stage.stop().await;
    pipes.scale("shop", 0, 0).await;
    pipes.apply("shop", spec).await;
    pipes.stage.start();
    pipes
        .says("shop", "Stalled", "True", Some("PatternConflict"))
        .await;
    pipes.has_workers("shop", 1).await;
    assert!(pipes.is_routed("shop").await);
    pipes.apply("other", json!({"services": ["shop"]})).await;
    pipes
        .says("other", "Stalled", "True", Some("PatternConflict"))
        .await;
}

#[tokio::test]
async fn a_more_specific_pattern_wins_without_a_conflict() {
    let pipes = Pipes::new().await;
    pipes.idle("all", json!({})).await;
    pipes.idle("shop", json!({"services": ["shop"]})).await;
    let spec = json!({"services": ["shop"], "environments": ["production"]});
    pipes.idle("prod", spec).await;
    let router = router(&pipes).await;
    assert_eq!(router.choose("shop", Some("production")).as_str(), "prod");
    assert_eq!(router.choose("shop", Some("staging")).as_str(), "shop");
    assert_eq!(router.choose("pay", None).as_str(), "all");
    assert!(router.conflicts().is_empty());
}

#[tokio::test]
async fn beyond_what_the_tenant_allows_the_youngest_waits() {
    let pipes = Pipes::of(json!({"limits": {"maxPipelines": 1}})).await;
    pipes.idle("a", json!({"services": ["a"]})).await;
    pipes
        .apply("b", json!({"services": ["b"], "scaling": {"min": 0}}))
        .await;
    pipes
        .says("b", "Stalled", "True", Some("TooManyPipelines"))
        .await;
    pipes
        .stage
        .apply("acme", json!({"limits": {"maxPipelines": 2}}))
        .await;
    pipes.ready("b").await;
}
