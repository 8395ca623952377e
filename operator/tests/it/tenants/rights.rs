//! The operator with no more rights than examples/operator-rbac.yaml gives it, behind the admission policies.

use sendry_crds::admission::OPERATOR_NAMESPACE;
use sendry_servers::kube::{Kube, Options, ctl, kubeconfig_for};
use serde_json::json;

use super::stage::Stage;
use crate::{
    pipelines::stage::Pipes,
    support::{Corner, client, eventually, is},
};

const RIGHTS: &str = include_str!("../../../../examples/operator-rbac.yaml");
const POLICIES: &str = include_str!("../../../../crds/admission.yaml");
const ACCOUNT: &str = "system:serviceaccount:sendry-system:sendry-operator";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_may_do_is_enough_for_all_that_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = Kube::start(folder.path(), &Options::default()).unwrap();
    let mut corner = Corner::on(&server.kubeconfig()).await;
    corner.operators = OPERATOR_NAMESPACE.to_owned();
    corner.apply(&sendry_crds::yaml().unwrap());
    corner.apply(RIGHTS);
    corner.apply(POLICIES);
    corner.established().await;
    let kubeconfig = folder.path().join("operator.kubeconfig");
    kubeconfig_for(&corner.kubeconfig, ACCOUNT, &[], &kubeconfig).unwrap();
    for forbidden in [
        ["delete", "namespace", "default"],
        ["delete", "secret", "any"],
        ["get", "pods", "--all-namespaces"],
    ] {
        let refused = ctl(&kubeconfig, &forbidden, None).unwrap_err();
        assert!(format!("{refused:?}").contains("orbidden"), "{refused:?}");
    }
    let stage = Stage::acting_as(corner, client(&kubeconfig).await);

    let spec = |trigger: &str| {
        json!({"deletionProtection": trigger == "1",
            "apiKeys": [{"name": "app", "rotation": {"trigger": trigger}}]})
    };
    let name = stage.apply("acme", spec("1")).await;
    stage.ready(&name).await;
    let key = stage.key(&name, "app").await;
    stage.apply("acme", spec("2")).await;
    eventually("another key", async || {
        let now = stage.key(&name, "app").await;
        is(now.id() != key.id(), now.id())
    })
    .await;
    eventually("an Event", async || {
        let events = stage.events(&name).await;
        is(events.contains_key("KeyRotated"), events)
    })
    .await;
    stage.ready(&name).await;
    let pipes = Pipes::on(stage, name.clone());
    pipes
        .idle("shop", json!({"deletionPolicy": "Retain"}))
        .await;
    pipes.told("shop", "Ready").await;
    pipes.delete("shop").await;
    pipes.gone("shop").await;
    pipes.idle("shop", json!({})).await;
    pipes.stage.depths.set(pipes.queue("shop"), 0, 4);
    let _worker = pipes.worker("shop", 0);
    pipes.delete("shop").await;
    pipes.gone("shop").await;
    assert_eq!(pipes.on_the_broker("shop"), (false, 0));
    let stage = pipes.stage;
    let tenants = stage.corner.tenants();
    tenants.delete(&name, &Default::default()).await.unwrap();
    eventually("the tenant to go", async || {
        let found = tenants.get_opt(&name).await.unwrap();
        is(found.is_none(), ())
    })
    .await;
    assert!(stage.record(&name).await.suspended);
}
