//! Topology on a real broker: made, at rest, and healed.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use reqwest::Method;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::EXCHANGE,
};
use serde_json::json;

use super::*;
use crate::{
    adapters::vhost::Vhost,
    topology::{Conflict, Limits, TenantQueues, desired},
};

const QUEUE: &str = "sendry.acme.orders";
const POLICY: &str = "c1/sendry.acme.orders";

fn topology(max_bytes: Option<u64>) -> Topology {
    let limits = Limits {
        max_bytes,
        ..Limits::default()
    };
    desired(
        "c1",
        &[TenantQueues {
            tenant: TenantId::new("acme").unwrap(),
            pipelines: vec![(PipelineName::new("orders").unwrap(), limits)],
        }],
    )
}

/// Looks until there is nothing to do. What the API lists may be a moment old.
async fn at_rest(api: &RabbitManagement, topology: &Topology) -> Observed {
    let started = Instant::now();
    loop {
        let observed = api.observe().await.unwrap();
        let plan = diff(topology, &observed);
        if plan == Plan::default() {
            return observed;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{plan:?}");
    }
}

fn only<T: Debug>(mut list: Vec<T>) -> T {
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_is_at_rest_and_its_policy_is_in_effect() {
    let vhost = Vhost::create().await;
    let (api, topology) = (vhost.management(), topology(Some(1 << 20)));
    let plan = api.reconcile(&topology).await.unwrap();
    assert_eq!((plan.repairs.len(), plan.conflicts.len()), (10, 0));
    let observed = at_rest(&api, &topology).await;
    let queue = observed.queues.iter().find(|q| q.name == QUEUE).unwrap();
    assert_eq!(queue.policy.as_deref(), Some(POLICY));
    let plan = api.reconcile(&topology).await.unwrap();
    assert_eq!(plan, Plan::default(), "at rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed() {
    let vhost = Vhost::create().await;
    let (api, topology) = (vhost.management(), topology(None));
    api.reconcile(&topology).await.unwrap();
    at_rest(&api, &topology).await;

    let name = vhost.name.as_str();
    let binding = ["bindings", name, "e", EXCHANGE, "q", QUEUE, "acme.orders"];
    vhost.call(Method::DELETE, &binding, None).await;
    let repair = only(api.reconcile(&topology).await.unwrap().repairs);
    assert!(matches!(repair, Repair::Bind(_)), "{repair:?}");

    let surplus = json!({"routing_key": "acme.#", "arguments": {}});
    vhost.call(Method::POST, &binding[..6], Some(surplus)).await;
    let repair = only(api.reconcile(&topology).await.unwrap().repairs);
    assert!(matches!(repair, Repair::Unbind(_)), "{repair:?}");
    at_rest(&api, &topology).await;

    let changed =
        json!({"pattern": "^nothing$", "apply-to": "queues", "definition": {"max-length": 1}});
    let policy = ["policies", name, POLICY];
    vhost.call(Method::PUT, &policy, Some(changed)).await;
    let repair = only(api.reconcile(&topology).await.unwrap().repairs);
    assert!(matches!(repair, Repair::PutPolicy(_)), "{repair:?}");

    vhost.call(Method::DELETE, &policy, None).await;
    let repair = only(api.reconcile(&topology).await.unwrap().repairs);
    assert!(matches!(repair, Repair::PutPolicy(_)), "{repair:?}");
    at_rest(&api, &topology).await;

    vhost
        .call(Method::DELETE, &["queues", name, QUEUE], None)
        .await;
    let repairs = api.reconcile(&topology).await.unwrap().repairs;
    assert!(
        matches!(&repairs[..], [Repair::DeclareQueue(_), Repair::Bind(_)]),
        "{repairs:?}"
    );
    at_rest(&api, &topology).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_stays_and_is_reported() {
    let vhost = Vhost::create().await;
    let (api, topology) = (vhost.management(), topology(None));
    let classic = json!({"durable": true, "auto_delete": false, "arguments": {}});
    let queue = ["queues", vhost.name.as_str(), QUEUE];
    vhost.call(Method::PUT, &queue, Some(classic)).await;
    let plan = api.reconcile(&topology).await.unwrap();
    let conflict = only(plan.conflicts);
    assert!(matches!(conflict, Conflict::Arguments { .. }), "{conflict}");
    let observed = api.observe().await.unwrap();
    assert!(observed.bindings.iter().all(|b| b.queue != QUEUE));
    assert!(observed.policies.iter().all(|p| p.name != POLICY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_to_do_and_no_password() {
    let vhost = Vhost::create().await;
    let mut api = vhost.management();
    api.password = "hunter2".to_owned();
    let error = api.observe().await.unwrap_err();
    let shown = format!("{error} {error:?} {api:?}");
    assert!(shown.contains("check the user"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");

    let mut api = vhost.management();
    api.vhost = "not/there".to_owned();
    let error = api.observe().await.unwrap_err().to_string();
    assert!(error.contains("create the virtual host"), "{error}");

    let api = RabbitManagement::new("http://guest:hunter2@127.0.0.1:9", "/").unwrap();
    let error = api.observe().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("is the management plugin enabled"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn credentials_are_taken_out_of_the_address() {
    let api = RabbitManagement::new("https://us%40er:p%2Fw%25@broker/prefix/", "/").unwrap();
    assert_eq!(
        (api.user.as_str(), api.password.as_str()),
        ("us@er", "p/w%")
    );
    assert_eq!(api.base.as_str(), "https://broker/prefix/");
    for bad in ["amqp://broker", "broker", "", "data:text/plain,x"] {
        assert_eq!(
            RabbitManagement::new(bad, "/").err(),
            Some(BadManagementUrl)
        );
    }
}
