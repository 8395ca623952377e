//! Whatever is deleted, nothing is lost.

use kube::ResourceExt;
use serde_json::json;

use super::stage::Stage;
use crate::support::{eventually, is};

async fn gone(stage: &Stage, name: &str) {
    eventually("the tenant to go", async || {
        let found = stage.corner.tenants().get_opt(name).await.unwrap();
        is(found.is_none(), found.map(|t| t.finalizers().to_vec()))
    })
    .await;
}

#[tokio::test]
async fn a_deleted_tenant_is_retained_and_one_of_its_name_takes_it_up() {
    let stage = Stage::new().await;
    let spec = json!({"apiKeys": [{"name": "app", "rotation": {"trigger": "1"}}]});
    let name = stage.apply("acme", spec.clone()).await;
    stage.ready(&name).await;
    let key = stage.key(&name, "app").await;
    let secret = stage.secret(&name, "app").await;
    let broker = stage.broker.peek();

    stage
        .corner
        .tenants()
        .delete(&name, &Default::default())
        .await
        .unwrap();
    gone(&stage, &name).await;
    let record = stage.record(&name).await;
    assert!(record.suspended && record.retained_at.is_some());
    assert!(stage.verifier(&key).await.revoked_at.is_none());
    assert_eq!(stage.broker.peek(), broker);
    assert_eq!(stage.secret(&name, "app").await, secret);

    stage.apply("acme", spec).await;
    stage.ready(&name).await;
    let record = stage.record(&name).await;
    assert!(!record.suspended && record.retained_at.is_none());
    assert_eq!(stage.key(&name, "app").await.id(), key.id());
    assert_eq!(stage.secret(&name, "app").await.data, secret.data);
    eventually("an Event", async || {
        let events = stage.events(&name).await;
        is(events.contains_key("Adopted"), events)
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_goes_while_no_operator_runs_is_retained_by_the_next() {
    let mut stage = Stage::new().await;
    let name = stage
        .apply("acme", json!({"apiKeys": [{"name": "app"}]}))
        .await;
    stage.ready(&name).await;
    stage.stop().await;
    stage
        .corner
        .tenants()
        .delete(&name, &Default::default())
        .await
        .unwrap();
    let found = stage.get(&name).await;
    assert_eq!(found.finalizers(), ["sendry.io/tenant"]);
    assert!(!stage.record(&name).await.suspended);
    stage.start();
    gone(&stage, &name).await;
    assert!(stage.record(&name).await.suspended);
}

#[tokio::test]
async fn a_namespace_that_is_deleted_takes_no_key_with_it() {
    let stage = Stage::new().await;
    let name = stage
        .apply("acme", json!({"apiKeys": [{"name": "app"}]}))
        .await;
    stage.ready(&name).await;
    let key = stage.key(&name, "app").await;
    let uid = stage.namespaces().get(&name).await.unwrap().uid();
    stage
        .namespaces()
        .delete(&name, &Default::default())
        .await
        .unwrap();
    eventually("another namespace with another Secret", async || {
        let namespace = stage.namespaces().get_opt(&name).await.unwrap();
        let namespace = namespace.and_then(|namespace| namespace.uid());
        let secret = stage.secrets(&name).get_opt("app").await.unwrap();
        is(namespace != uid && secret.is_some(), &namespace)
    })
    .await;
    stage.ready(&name).await;
    assert_ne!(stage.key(&name, "app").await.id(), key.id());
    let verifier = stage.verifier(&key).await;
    assert!(verifier.revoked_at.is_none());
    assert!(!stage.record(&name).await.suspended);
}

#[tokio::test]
async fn a_finalizer_that_was_taken_off_by_hand_comes_back() {
    let stage = Stage::new().await;
    let name = stage.apply("acme", json!({})).await;
    stage.ready(&name).await;
    stage
        .corner
        .change(&name, json!({"metadata": {"finalizers": []}}))
        .await;
    eventually("the finalizer", async || {
        let found = stage.get(&name).await;
        is(!found.finalizers().is_empty(), found.finalizers())
    })
    .await;
}
