//! The first minute: what the examples promise, by the examples themselves.

use std::time::Instant;

use crate::{
    cluster::example,
    stage::{Stage, WATCH_FILTER},
    tenant::Tenant,
    wait::{PATIENCE, told},
};

/// A file of `examples/` with another name in the place of its own, and the label of the stage.
fn adapted(file: &str, own: &str, tenant: &Tenant<'_>) -> String {
    let text = example(file).replace(own, &tenant.name);
    let head = format!("kind: SendryTenant\nmetadata:\n  name: {}\n", tenant.name);
    assert_eq!(text.matches(&head).count(), 1, "{text}");
    let label = format!("  labels:\n    {WATCH_FILTER}: {}\n", tenant.stage.name);
    text.replace(&head, &format!("{head}{label}"))
}

/// Applies it; the key that is published has to work at once, on whichever ingest.
async fn key_works(tenant: &Tenant<'_>, manifest: &str, entry: &str) {
    let began = Instant::now();
    tenant.stage.cluster.apply(manifest);
    let applied = began.elapsed();
    tenant.ready();
    let key = tenant.key(entry);
    told(
        "applied → Ready and its key read (5 s are asked)",
        began.elapsed() - applied,
    );
    assert!(began.elapsed() < PATIENCE);
    tenant.accepts(&key).await;
    told("kubectl apply, Ready, two events accepted", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tenant_is_applied_and_the_key_of_its_secret_gets_a_202() {
    let stage = Stage::shared();
    let tenant = Tenant::new(&stage, "acme");
    let manifest = adapted("tenant.yaml", "acme", &tenant);
    key_works(&tenant, &manifest, "shop").await;
    tenant.has_all_parked().await;
    assert_eq!(tenant.states("shop"), ["Current"]);
    assert_eq!(tenant.told("KeyIssued"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_file_with_namespace_tenant_and_pipeline_works_the_first_time() {
    let stage = Stage::shared();
    let tenant = Tenant::new(&stage, "quick");
    let manifest = adapted("quickstart.yaml", "quickstart", &tenant);
    key_works(&tenant, &manifest, "web").await;
    // No pod runs here, so the pipeline has all but workers.
    let synced = "--for=condition=TopologySynced";
    let namespace = ["--namespace", &tenant.name, "--timeout=60s"];
    stage
        .cluster
        .run(&[&["wait", synced, "spl/default"][..], &namespace].concat());
    let before = tenant.accepted();
    tenant.accepts(&tenant.key("web")).await;
    tenant.has_all_in_its_pipeline(before).await;
}
