//! The definitions of our kinds are deleted with everything made of them, and installed again.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, CustomResourceExt, ResourceExt};
use sendry_crds::SendryTenant;
use sendry_servers::kube::{Kube, Options};
use serde_json::json;

use super::stage::Stage;
use crate::support::{Corner, eventually, is};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_stops_working_and_no_queue_row_or_secret_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let server = Kube::start(folder.path(), &Options::default()).unwrap();
    let corner = Corner::on(&server.kubeconfig()).await;
    corner.apply(&sendry_crds::yaml().unwrap());
    corner.established().await;
    let stage = Stage::on(corner);
    let spec = json!({"apiKeys": [{"name": "app"}]});
    let name = stage.apply("acme", spec.clone()).await;
    stage.ready(&name).await;
    let key = stage.key(&name, "app").await;
    let secret = stage.secret(&name, "app").await;
    let (broker, record) = (stage.broker.peek(), stage.record(&name).await);
    let namespace = stage.namespaces().get(&name).await.unwrap().uid();

    let crds: Api<CustomResourceDefinition> = Api::all(stage.corner.client.clone());
    crds.delete(SendryTenant::crd_name(), &Default::default())
        .await
        .unwrap();
    eventually("the definition to go", async || {
        let found = crds.get_opt(SendryTenant::crd_name()).await.unwrap();
        is(found.is_none(), found.map(|crd| crd.finalizers().to_vec()))
    })
    .await;
    assert_eq!(stage.record(&name).await, record);
    assert!(stage.verifier(&key).await.revoked_at.is_none());
    assert_eq!(stage.secret(&name, "app").await, secret);
    assert_eq!(
        stage.namespaces().get(&name).await.unwrap().uid(),
        namespace
    );
    assert_eq!(stage.broker.peek(), broker);

    stage.corner.apply(&sendry_crds::yaml().unwrap());
    stage.corner.established().await;
    stage.apply("acme", spec).await;
    stage.ready(&name).await;
    assert_eq!(stage.key(&name, "app").await.id(), key.id());
    assert_eq!(stage.secret(&name, "app").await.data, secret.data);
    assert!(stage.verifier(&key).await.not_after.is_none());
    assert_eq!(stage.broker.peek(), broker);
    assert!(!stage.record(&name).await.suspended);
}
