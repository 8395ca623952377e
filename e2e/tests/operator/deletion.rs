//! Nothing that a tenant has goes by kubectl.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    client::post,
    stage::Stage,
    tenant::Tenant,
    wait::{eventually, is, told, within},
};

fn keys() -> Value {
    json!({"apiKeys": [{"name": "web"}]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_tenant_is_suspended_and_a_new_one_of_its_name_takes_up_what_it_had() {
    let stage = Stage::shared();
    let tenant = Tenant::ready_with(&stage, "deleted", json!({"name": "web"})).await;
    let secret = tenant.secret("web");
    tenant.answers(secret.key(), 202, "", Instant::now()).await;
    tenant.has_parked(2).await;

    tenant.delete();
    let began = Instant::now();
    let took = tenant.answers(secret.key(), 503, "suspended", began).await;
    told("deleted → 503 suspended everywhere (5 s are asked)", took);
    assert_eq!(tenant.object(), Value::Null);
    assert_eq!(tenant.verifiers(), 1);
    assert_eq!(tenant.secret("web"), secret);
    tenant.has_parked(2).await;

    tenant.apply(keys());
    let began = Instant::now();
    let took = tenant.answers(secret.key(), 202, "", began).await;
    told("applied again → the same key works", took);
    tenant.ready();
    assert_eq!(tenant.secret("web").data, secret.data);
    assert_eq!(
        (tenant.verifiers(), tenant.states("web")),
        (1, vec!["Current".to_owned()])
    );
    eventually("its adoption to be told", async || {
        let told = tenant.told("Adopted");
        is(told == 1, told)
    })
    .await;
    tenant.has_parked(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_namespace_ends_and_comes_back_with_a_new_key_beside_the_old_one() {
    let stage = Stage::shared();
    let tenant = Tenant::ready_with(&stage, "homeless", json!({"name": "web"})).await;
    let old = tenant.key("web");
    tenant.answers(&old, 202, "", Instant::now()).await;
    tenant.has_parked(2).await;
    let finalizers = tenant.object()["metadata"]["finalizers"].take();
    assert_eq!(finalizers, json!(["sendry.io/tenant"]));
    let uid = || {
        let namespace = stage.cluster.get(&["namespace", &tenant.name]);
        namespace.map(|namespace| namespace["metadata"]["uid"].clone())
    };
    let before = uid();
    assert!(before.is_some());

    stage
        .cluster
        .run(&["delete", "namespace", &tenant.name, "--wait=false"]);
    let began = Instant::now();
    let mut accepted = 2;
    let new = within(
        Duration::from_secs(120),
        "a new namespace with a Secret",
        async || {
            let answer = post(stage.addresses()[0], &old).await;
            assert!(answer.is(202, ""), "with the old key: {answer}");
            accepted += 1;
            let now = uid();
            is(now.is_some() && now != before, now)?;
            let secret = tenant.try_secret("web").ok_or("no Secret")?;
            let key = secret.data.get("api-key").cloned();
            key.ok_or(format!("{:?}", secret.data.keys()))
        },
    )
    .await;
    told(
        "namespace deleted → a new one with a key (120 s are asked)",
        began.elapsed(),
    );
    assert_ne!(new, old);
    for key in [&new, &old] {
        tenant.answers(key, 202, "", began).await;
        accepted += 2;
    }
    tenant.ready();
    assert_eq!(tenant.states("web"), ["Current", "Retiring"]);
    assert_eq!(tenant.verifiers(), 2);
    assert_eq!(tenant.told("SecretRecreated"), 1);
    tenant.has_parked(accepted).await;
}
