//! The whole operator: passes and autoscaler beside each other on the same objects.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{Patch, PatchParams, WatchEvent, WatchParams},
};
use sendry_crds::condition::{SCALING_ACTIVE, SCALING_LIMITED};
use serde_json::json;

use crate::{
    pipelines::stage::Pipes,
    support::{eventually, is},
};

async fn wanted_becomes(pipes: &Pipes, name: &str, wanted: i32) {
    let (api, deployment) = (pipes.deployments(), pipes.workers(name));
    eventually(&format!("{wanted} workers of {name}"), async || {
        let found = api.get_opt(&deployment).await.unwrap();
        let seen = found.and_then(|d| d.spec?.replicas);
        is(seen == Some(wanted), seen)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_and_autoscaler_each_keep_to_their_part() {
    let pipes = Pipes::of(json!({"limits": {"maxWorkers": 2}})).await;
    pipes.stage.depths.set(pipes.queue("shop"), 0, 0);
    pipes
        .apply("shop", json!({"scaling": {"min": 0, "max": 3}}))
        .await;
    pipes
        .says("shop", SCALING_ACTIVE, "True", Some("Idle"))
        .await;
    wanted_becomes(&pipes, "shop", 0).await;
    pipes.ready("shop").await;

    // Something waits.
    pipes.stage.depths.set(pipes.queue("shop"), 5, 0);
    wanted_becomes(&pipes, "shop", 1).await;
    pipes.told("shop", "Waking").await;

    // A pass over a changed Deployment leaves the number alone.
    pipes
        .apply(
            "shop",
            json!({"scaling": {"min": 0, "max": 3}, "worker": {"concurrency": 2}}),
        )
        .await;
    let seen = pipes
        .says("shop", SCALING_ACTIVE, "True", Some("Learning"))
        .await;
    wanted_becomes(&pipes, "shop", 1).await;

    // Both have said their part of one status, and neither took the other's.
    let status = seen.status.unwrap();
    let kinds: BTreeSet<&str> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
    let expected = [
        "MetricsAvailable",
        "Ready",
        "Reconciling",
        "ScalingActive",
        "ScalingLimited",
        "Stalled",
        "TopologySynced",
        "WorkersAvailable",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    assert_eq!(status.desired_replicas, Some(1));
    let managers = seen.metadata.managed_fields.unwrap_or_default();
    let of_status: BTreeSet<_> = managers
        .into_iter()
        .filter(|entry| entry.subresource.as_deref() == Some("status"))
        .filter_map(|entry| entry.manager)
        .collect();
    assert_eq!(
        of_status,
        BTreeSet::from(["sendry-autoscaler".to_owned(), "sendry-operator".to_owned()])
    );

    // The tenant may have two, and the older keeps its one.
    pipes.stage.depths.set(pipes.queue("more"), 0, 4);
    let fixed = json!({"services": ["more"], "scaling": {"mode": "Fixed", "min": 3, "max": 3}});
    pipes.apply("more", fixed).await;
    wanted_becomes(&pipes, "more", 1).await;
    pipes
        .says("more", SCALING_LIMITED, "True", Some("TenantCap"))
        .await;

    // Whoever sets it back by hand is set right, and suspended there are none.
    let by_hand = Patch::Merge(json!({"spec": {"replicas": 7}}));
    let (api, deployment) = (pipes.deployments(), pipes.workers("more"));
    api.patch(&deployment, &PatchParams::default(), &by_hand)
        .await
        .unwrap();
    wanted_becomes(&pipes, "more", 1).await;
    let suspended = json!({
        "services": ["more"], "suspend": true,
        "scaling": {"mode": "Fixed", "min": 3, "max": 3},
    });
    pipes.apply("more", suspended).await;
    wanted_becomes(&pipes, "more", 0).await;
    pipes
        .says("more", SCALING_ACTIVE, "False", Some("Suspended"))
        .await;
}

/// Workers that each revision of any Deployment asks for from now on; a paused one asks for none.
async fn revisions(api: Api<Deployment>) -> Arc<Mutex<Vec<i32>>> {
    let now = api.list_metadata(&Default::default()).await.unwrap();
    let version = now.metadata.resource_version.unwrap();
    let events = api.watch(&WatchParams::default(), &version).await;
    let mut events = events.unwrap().boxed();
    let seen = Arc::<Mutex<Vec<i32>>>::default();
    let tell = seen.clone();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            let (WatchEvent::Added(found) | WatchEvent::Modified(found)) = event.unwrap() else {
                continue;
            };
            let spec = found.spec.unwrap();
            let asked = spec.replicas.unwrap_or(1);
            let paused = spec.paused.unwrap_or(false);
            tell.lock().unwrap().push(if paused { 0 } else { asked });
        }
    });
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_revision_asks_for_more_workers_than_the_tenant_may_have() {
    let pipes = Pipes::of(json!({"limits": {"maxWorkers": 2}})).await;
    let seen = revisions(pipes.deployments()).await;
    pipes.stage.depths.set(pipes.queue("shop"), 0, 0);
    let fixed = json!({"scaling": {"mode": "Fixed", "min": 3, "max": 3}});
    pipes.apply("shop", fixed).await;
    wanted_becomes(&pipes, "shop", 2).await;
    pipes
        .says("shop", SCALING_LIMITED, "True", Some("TenantCap"))
        .await;
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.first(), Some(&0), "{seen:?}");
    assert!(seen.contains(&2), "{seen:?}");
    assert_eq!(seen.iter().max(), Some(&2), "{seen:?}");
}
