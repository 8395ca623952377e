//! The whole operator: passes and autoscaler beside each other on the same objects.

use std::collections::BTreeSet;

use kube::api::{Patch, PatchParams};
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
