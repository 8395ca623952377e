//! Definitions that come late, go and come back; a server that restarts; objects that nobody can read.

use k8s_openapi::{
    api::events::v1::Event,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, CustomResourceExt, api::DeleteParams};
use sendry_crds::SendryTenant;
use sendry_operator::run::Operator;
use sendry_runtime::health::Health;
use sendry_servers::kube::{Kube, Options};
use serde_json::json;

use crate::{
    passes::Passes,
    support::{Corner, eventually, is, lax_definition},
};

async fn ready(health: &Health) {
    eventually("readiness", async || {
        let report = health.readiness();
        is(report.ok(), report.to_string())
    })
    .await;
}

async fn not_ready(health: &Health, because: &str) {
    eventually("an honest word", async || {
        let report = health.readiness();
        is(
            !report.ok() && report.to_string().contains(because),
            report.to_string(),
        )
    })
    .await;
}

async fn passed(passes: &Passes, name: &str) {
    eventually("a pass", async || is(passes.of(name) > 0, passes.total())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_outlives_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Kube::start(folder.path(), &Options::default()).unwrap();
    let corner = Corner::on(&server.kubeconfig()).await;
    let passes = Passes::default();
    let parts = corner.parts(corner.client.clone(), passes.assemble());
    let (health, metrics) = (parts.health.clone(), parts.metrics.clone());
    let operator = Operator::start(parts, corner.settings());

    // Before there are any.
    not_ready(&health, "is not installed").await;
    let definitions = sendry_crds::yaml().unwrap();
    corner.apply(&definitions);
    corner.established().await;
    ready(&health).await;
    passed(&passes, &corner.tenant("first").await).await;

    // The server is killed, and comes back.
    server.kill().unwrap();
    not_ready(&health, "failed to watch").await;
    server.restart().unwrap();
    ready(&health).await;
    passed(&passes, &corner.tenant("second").await).await;

    // The definitions are deleted, and come back.
    let crds: Api<CustomResourceDefinition> = Api::all(corner.client.clone());
    crds.delete(SendryTenant::crd_name(), &DeleteParams::default())
        .await
        .unwrap();
    not_ready(&health, "is not installed").await;
    corner.apply(&lax_definition());
    corner.established().await;
    ready(&health).await;
    let before = passes.of(&corner.tenant_name("first"));
    corner.tenant("first").await;
    let again = corner.tenant_name("first");
    eventually("a pass of the one that was made again", async || {
        is(passes.of(&again) > before, passes.of(&again))
    })
    .await;

    // One that cannot be read, among others.
    let bad = corner.tenant_name("bad");
    corner.object(&bad, json!({"namespace": 7})).await;
    passed(&passes, &corner.tenant("third").await).await;
    let events: Api<Event> = Api::namespaced(corner.client.clone(), "default");
    let told = eventually("an Event", async || {
        let all = events
            .list(&Default::default())
            .await
            .map_err(|error| error.to_string())?;
        let about = |event: &Event| {
            event
                .regarding
                .as_ref()
                .and_then(|about| about.name.clone())
        };
        let found = all
            .items
            .into_iter()
            .find(|event| about(event).as_deref() == Some(&bad));
        found.ok_or_else(|| "none".to_owned())
    })
    .await;
    assert_eq!(told.reason.as_deref(), Some("Unreadable"));
    assert_eq!(told.type_.as_deref(), Some("Warning"));
    assert_eq!(passes.of(&bad), 0);
    let kind = sendry_operator::metrics::Kind { kind: "tenants" };
    assert_eq!(metrics.unreadable.get_or_create(&kind).get(), 1);
    assert_eq!(metrics.tenants.get(), 2);
    // It is mended, and is one like the others.
    corner
        .change(&bad, json!({"spec": {"namespace": "mended"}}))
        .await;
    passed(&passes, &bad).await;
    assert_eq!(metrics.unreadable.get_or_create(&kind).get(), 0);
    operator.stop().await;
    drop(corner);
    server.stop().unwrap();
}
