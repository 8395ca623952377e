//! The same commit, applied again and again by others.

use serde_json::{Value, json};

use crate::{
    stage::Stage,
    tenant::Tenant,
    wait::{eventually, is},
};

fn keys(trigger: &str) -> Value {
    json!({
        "limits": {"eventsPerSecond": 500, "maxPayload": "64Ki"},
        "retention": {"raw": "168h"},
        "apiKeys": [
            {"name": "web", "services": ["checkout"], "rotation": {"trigger": trigger}},
            {"name": "audit", "expiresAt": "2099-06-30T00:00:00Z"},
        ],
    })
}

/// As Argo CD and Flux apply.
const APPLIERS: [&[&str]; 3] = [
    &[
        "--server-side",
        "--force-conflicts",
        "--field-manager=argocd-controller",
    ],
    &[
        "--server-side",
        "--force-conflicts",
        "--field-manager=kustomize-controller",
    ],
    &[],
];

fn apply(tenant: &Tenant<'_>, how: &[&str], manifest: &str) {
    let args = [&["apply"], how, &["-f", "-"]].concat();
    tenant.stage.cluster.try_run(&args, Some(manifest)).unwrap();
}

/// What applying it would change; nothing. What the operator writes between the two looks of one `diff` shows up in it,
/// and in none after it.
async fn no_diff(tenant: &Tenant<'_>, how: &[&str], manifest: &str) {
    let args = [&["diff"], how, &["-f", "-"]].concat();
    eventually(&format!("no difference to {how:?}"), async || {
        let diff = tenant.stage.cluster.try_run(&args, Some(manifest));
        let diff = diff.map_err(|error| format!("{error:#}"))?;
        is(diff.is_empty(), diff)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_commit_leaves_no_difference_and_one_trigger_is_one_rotation() {
    let stage = Stage::shared();
    let tenant = Tenant::new(&stage, "gitops");
    let first = tenant.manifest(keys("2026-09-22"));
    apply(&tenant, APPLIERS[0], &first);
    tenant.ready();
    let secrets = || (tenant.secret("web"), tenant.secret("audit"));
    let before = secrets();
    for how in APPLIERS.into_iter().cycle().take(6) {
        apply(&tenant, how, &first);
        no_diff(&tenant, how, &first).await;
    }
    tenant.ready();
    assert_eq!(tenant.object()["metadata"]["generation"], 1);
    assert_eq!(secrets(), before);

    // What others put into the Secret is theirs.
    let secret = ["secret", "web", "--namespace", &tenant.name];
    let theirs = json!({
        "metadata": {"labels": {"team": "payments"}, "annotations": {"reloader.example.com/match": "true"}},
        "stringData": {"their.properties": "key=value"},
    });
    stage.cluster.patch(&secret, &theirs);
    let second = tenant.manifest(keys("2026-10-22"));
    for how in APPLIERS.into_iter().cycle().take(6) {
        apply(&tenant, how, &second);
        no_diff(&tenant, how, &second).await;
    }
    let after = eventually("a new key", async || {
        let secret = tenant.secret("web");
        let noted = &secret.annotations["sendry.io/trigger"];
        if noted != "2026-10-22" {
            return Err(noted.to_string());
        }
        Ok(secret)
    })
    .await;
    tenant.ready();
    assert_ne!(after.key(), before.0.key());
    assert_eq!(after.value("previous-api-key"), before.0.key());
    assert_eq!(after.value("their.properties"), "key=value");
    assert_eq!(after.labels["team"], "payments");
    assert_eq!(after.annotations["reloader.example.com/match"], "true");
    assert_eq!(tenant.secret("web"), after);
    assert_eq!(tenant.secret("audit"), before.1);
    assert_eq!(tenant.object()["metadata"]["generation"], 2);
    assert_eq!((tenant.verifiers(), tenant.told("KeyRotated")), (3, 1));
    for how in APPLIERS {
        no_diff(&tenant, how, &second).await;
    }
}
