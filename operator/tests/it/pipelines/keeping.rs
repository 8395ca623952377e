//! What has no passes of its own, or none that get it anything new, keeps what it has.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use sendry_crds::condition::find;
use serde_json::json;
use tokio::time::sleep;

use super::{deletion::working, stage::Pipes};
use crate::{
    support::{eventually, is},
    tenants::stage::values,
};

/// Somebody deletes the Deployment, and there is another one.
async fn comes_again(pipes: &Pipes, name: &str) {
    let (api, deployment) = (pipes.deployments(), pipes.workers(name));
    let uid = api.get(&deployment).await.unwrap().metadata.uid;
    api.delete(&deployment, &Default::default()).await.unwrap();
    eventually("another Deployment", async || {
        let found = api.get_opt(&deployment).await.unwrap();
        let found = found.and_then(|found| found.metadata.uid);
        is(found.is_some() && found != uid, found)
    })
    .await;
}

fn secrets(pipes: &Pipes) -> Api<Secret> {
    pipes.stage.secrets(&pipes.stage.corner.operators)
}

fn configs(pipes: &Pipes) -> Api<ConfigMap> {
    let namespace = &pipes.stage.corner.operators;
    Api::namespaced(pipes.stage.corner.client.clone(), namespace)
}

/// A hash of what pods are given.
async fn pods(pipes: &Pipes, name: &str) -> String {
    let found = pipes.deployments().get(&pipes.workers(name)).await.unwrap();
    let template = found.spec.unwrap().template.metadata.unwrap();
    template.annotations.unwrap()["sendry.io/config"].clone()
}

/// Somebody deletes the Secret, and there is another password that the pods and the broker are given.
async fn gets_another_password(pipes: &Pipes, name: &str) {
    let (api, secret) = (secrets(pipes), pipes.workers(name));
    let before = values(&api.get(&secret).await.unwrap());
    let hash = pods(pipes, name).await;
    api.delete(&secret, &Default::default()).await.unwrap();
    eventually("another password", async || {
        let found = api.get_opt(&secret).await.unwrap();
        let now = found.map_or_else(BTreeMap::new, |found| values(&found));
        let another = now
            .get("password")
            .is_some_and(|p| *p != before["password"]);
        is(another, another)
    })
    .await;
    eventually("other pods", async || {
        let now = pods(pipes, name).await;
        is(now != hash, now)
    })
    .await;
}

async fn settings(pipes: &Pipes, name: &str) -> Option<String> {
    let found = configs(pipes).get_opt(&pipes.workers(name)).await.unwrap();
    found?.data?.get("worker.yaml").cloned()
}

#[tokio::test]
async fn workers_of_a_kept_pipeline_are_made_again_as_they_were() {
    let mut pipes = Pipes::new().await;
    let spec = json!({
        "services": ["shop"], "deletionPolicy": "Retain", "worker": {"concurrency": 3},
    });
    working(&pipes, spec).await;
    pipes.delete("shop").await;
    pipes.gone("shop").await;
    comes_again(&pipes, "shop").await;
    pipes.has_workers("shop", 1).await;
    gets_another_password(&pipes, "shop").await;

    // Under another operator, which never saw the resource.
    pipes.stage.stop().await;
    let api = configs(&pipes);
    let name = pipes.workers("shop");
    api.delete(&name, &Default::default()).await.unwrap();
    pipes.stage.start();
    eventually("its settings", async || {
        let found = settings(&pipes, "shop").await;
        let so = found.as_ref().is_some_and(|s| s.contains("concurrency: 3"));
        is(so, found)
    })
    .await;
    comes_again(&pipes, "shop").await;
    let found = settings(&pipes, "shop").await.unwrap();
    assert!(found.contains("concurrency: 3"), "{found}");
    pipes.has_workers("shop", 1).await;

    // Somebody changes its queue, and its tenant tells of it: there is nobody else.
    let queue = pipes.queue("shop").to_string();
    pipes.stage.broker.meddle(|observed| {
        observed.bindings.retain(|b| b.queue != queue);
    });
    eventually("an Event of the tenant", async || {
        let events = pipes.stage.events(&pipes.tenant).await;
        is(events.contains_key("DriftRepaired"), events)
    })
    .await;

    // And then there is nothing more to do.
    let before = pipes.stage.writes();
    sleep(Duration::from_secs(1)).await;
    let deployments = |writes: Vec<String>| -> Vec<String> {
        let of = writes.into_iter();
        of.filter(|line| line.contains("deployments")).collect()
    };
    assert_eq!(deployments(pipes.stage.writes()), deployments(before));
}

#[tokio::test]
async fn workers_of_one_that_has_no_pattern_any_more_are_kept_up_and_told_of() {
    let pipes = Pipes::new().await;
    pipes.idle("a", json!({"services": ["shop"]})).await;
    pipes.idle("b", json!({"services": ["pay"]})).await;
    let spec = json!({"services": ["pay", "shop"], "scaling": {"min": 0}});
    pipes.apply("b", spec).await;
    pipes
        .says("b", "Stalled", "True", Some("PatternConflict"))
        .await;
    pipes.has_workers("b", 1).await;
    comes_again(&pipes, "b").await;
    pipes.has_workers("b", 1).await;
    gets_another_password(&pipes, "b").await;
    // Of its newest generation.
    pipes.says("b", "TopologySynced", "True", None).await;
    pipes
        .says("b", "WorkersAvailable", "True", Some("Available"))
        .await;
    let queue = pipes.queue("b").to_string();
    pipes.stage.broker.meddle(|observed| {
        observed.bindings.retain(|b| b.queue != queue);
    });
    pipes.told("b", "DriftRepaired").await;

    // One that never had anything is said to have nothing.
    pipes
        .apply("c", json!({"services": ["shop"], "scaling": {"min": 0}}))
        .await;
    let said = pipes
        .says("c", "Stalled", "True", Some("PatternConflict"))
        .await;
    let conditions = said.status.unwrap().conditions;
    for kind in ["TopologySynced", "WorkersAvailable"] {
        assert_eq!(find(&conditions, kind).unwrap().status, "Unknown", "{kind}");
    }
    let name = pipes.workers("c");
    assert!(pipes.deployments().get_opt(&name).await.unwrap().is_none());
}

#[tokio::test]
async fn workers_of_one_too_many_are_kept_up() {
    let pipes = Pipes::new().await;
    pipes.idle("a", json!({"services": ["a"]})).await;
    pipes.idle("b", json!({"services": ["b"]})).await;
    pipes
        .stage
        .apply("acme", json!({"limits": {"maxPipelines": 1}}))
        .await;
    pipes
        .says("b", "Stalled", "True", Some("TooManyPipelines"))
        .await;
    comes_again(&pipes, "b").await;
    pipes.has_workers("b", 1).await;
}
