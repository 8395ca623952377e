//! Nothing that a tenant has goes by kubectl.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
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
    tenant.has_all_parked().await;

    tenant.delete();
    let began = Instant::now();
    let took = tenant.answers(secret.key(), 503, "suspended", began).await;
    told("deleted → 503 suspended everywhere (5 s are asked)", took);
    assert_eq!(tenant.object(), Value::Null);
    assert_eq!(tenant.verifiers(), 1);
    assert_eq!(tenant.secret("web"), secret);
    tenant.has_all_parked().await;

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
    tenant.has_all_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_namespace_ends_and_comes_back_with_a_new_key_beside_the_old_one() {
    let stage = Stage::shared();
    let tenant = Tenant::ready_with(&stage, "homeless", json!({"name": "web"})).await;
    let old = tenant.key("web");
    tenant.answers(&old, 202, "", Instant::now()).await;
    tenant.has_all_parked().await;
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
    let new = within(
        Duration::from_secs(120),
        "a new namespace with a Secret",
        async || {
            let answer = tenant.post(stage.addresses()[0], &old).await;
            let good = answer.is(202, "") || answer.is_unsure();
            assert!(good, "with the old key: {answer}");
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
    }
    tenant.ready();
    assert_eq!(tenant.states("web"), ["Current", "Retiring"]);
    assert_eq!(tenant.verifiers(), 2);
    assert_eq!(tenant.told("SecretRecreated"), 1);
    tenant.has_all_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_purge_erases_and_only_what_no_resource_stands_for() {
    let stage = Stage::shared();
    let other = Tenant::ready_with(&stage, "spared", json!({"name": "web"})).await;
    let tenant = Tenant::ready_with(&stage, "erased", json!({"name": "web"})).await;
    let keys = [tenant.key("web"), other.key("web")];
    tenant.answers(&keys[0], 202, "", Instant::now()).await;
    other.answers(&keys[1], 202, "", Instant::now()).await;
    tenant.has_all_parked().await;

    let confirmed = ["--yes", "--confirm", &tenant.name];
    let refused = stage
        .purge(&tenant.name, &confirmed)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("kubectl delete sendrytenant"), "{refused}");
    tenant.answers(&keys[0], 202, "", Instant::now()).await;
    tenant.has_all_parked().await;

    tenant.delete();
    tenant
        .answers(&keys[0], 503, "suspended", Instant::now())
        .await;
    let shown = stage.purge(&tenant.name, &[]).unwrap();
    assert!(shown.contains("Nothing was erased"), "{shown}");
    assert_eq!(tenant.verifiers(), 1);
    let erased = stage.purge(&tenant.name, &confirmed).unwrap();
    println!("measured: {}", erased.trim());
    tenant
        .answers(&keys[0], 401, "unknown_key", Instant::now())
        .await;
    assert_eq!(tenant.verifiers(), 0);
    eventually("its queue to be gone", async || {
        is(tenant.parked().await.is_err(), "it is there")
    })
    .await;

    other.answers(&keys[1], 202, "", Instant::now()).await;
    other.has_all_parked().await;
    // The Secret is the team's: a tenant of that name, made again, goes on with what it shows.
    tenant.apply(json!({"apiKeys": [{"name": "web"}]}));
    tenant.ready();
    tenant
        .answers(&tenant.key("web"), 202, "", Instant::now())
        .await;
}
