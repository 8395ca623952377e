//! Whose a namespace is.

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use sendry_operator::settings::Settings;
use serde_json::json;

use super::stage::Stage;
use crate::support::{eventually, is};

#[tokio::test]
async fn a_namespace_that_was_there_is_taken_only_with_the_label() {
    let stage = Stage::new().await;
    let name = stage.corner.tenant_name("acme");
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    stage
        .namespaces()
        .create(&Default::default(), &namespace)
        .await
        .unwrap();
    stage
        .apply("acme", json!({"apiKeys": [{"name": "app"}]}))
        .await;
    let tenant = stage
        .says(&name, "Stalled", "True", Some("NamespaceNotLabelled"))
        .await;
    let message = serde_json::to_string(&tenant.status).unwrap();
    assert!(message.contains("kubectl label namespace"), "{message}");
    assert!(
        stage
            .secrets(&name)
            .list(&Default::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );

    // As the message says.
    let label = json!({"metadata": {"labels": {"sendry.io/tenant": name}}});
    let patch = kube::api::Patch::Merge(label);
    stage
        .namespaces()
        .patch(&name, &Default::default(), &patch)
        .await
        .unwrap();
    stage.ready(&name).await;
    stage.key(&name, "app").await;
    let namespace = stage.namespaces().get(&name).await.unwrap();
    assert!(namespace.owner_references().is_empty());
}

#[tokio::test]
async fn of_two_tenants_that_name_one_namespace_the_older_has_it() {
    let stage = Stage::new().await;
    let old = stage.apply("old", json!({})).await;
    stage.ready(&old).await;
    let young = stage.apply("young", json!({"namespace": old})).await;
    let tenant = stage
        .says(&young, "Stalled", "True", Some("NamespaceConflict"))
        .await;
    let message = serde_json::to_string(&tenant.status).unwrap();
    assert!(message.contains(&old), "{message}");
    stage.ready(&old).await;
    let snapshot = sendry_store::ControlStore::snapshot(stage.store.as_ref())
        .await
        .unwrap();
    assert!(snapshot.tenants.iter().all(|t| t.id.as_str() != young));
}

#[tokio::test]
async fn the_operator_s_own_namespace_is_nobody_s() {
    let stage = Stage::new().await;
    let Settings { namespace, .. } = stage.corner.settings();
    let name = stage.apply("acme", json!({"namespace": namespace})).await;
    stage
        .says(&name, "Stalled", "True", Some("NamespaceReserved"))
        .await;
}

#[tokio::test]
async fn protection_is_passed_on_to_the_namespace_and_taken_back() {
    let stage = Stage::new().await;
    let name = stage
        .apply("acme", json!({"deletionProtection": true}))
        .await;
    stage.ready(&name).await;
    let protected = async || {
        let namespace = stage.namespaces().get(&name).await.unwrap();
        namespace.annotations().get("sendry.io/protected").cloned()
    };
    assert_eq!(protected().await.as_deref(), Some("true"));
    stage.apply("acme", json!({})).await;
    eventually("the annotation to go", async || {
        let found = protected().await;
        is(found.is_none(), found)
    })
    .await;
}
