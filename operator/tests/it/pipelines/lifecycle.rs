//! From a manifest to a queue that ingest sends events to, to workers, and to rest.

use std::time::Duration;

use sendry_crds::condition::find;
use sendry_domain::{routing::QueueName, time::UnixMillis};
use sendry_operator::settings::Settings;
use sendry_queue::topology::{
    Category,
    fake::{Fault, On},
};
use sendry_store::{ControlStore, PipelineRecord};
use serde_json::json;
use tokio::time::sleep;

use super::stage::Pipes;
use crate::support::{eventually, is};

#[tokio::test]
async fn a_manifest_becomes_a_queue_a_route_and_workers() {
    let pipes = Pipes::of(json!({"limits": {"backlogBytes": "8Mi"}})).await;
    let spec = json!({"services": ["shop"], "queue": {"deliveryLimit": 30}, "scaling": {"min": 2, "max": 5}});
    pipes.apply("shop", spec).await;
    pipes.says("shop", "TopologySynced", "True", None).await;
    pipes
        .says("shop", "Ready", "False", Some("WorkersStarting"))
        .await;
    pipes.scale("shop", 2, 1).await;
    pipes
        .says("shop", "Ready", "False", Some("WorkersStarting"))
        .await;
    pipes.scale("shop", 2, 2).await;
    let pipeline = pipes.ready("shop").await;
    let status = pipeline.status.unwrap();
    assert_eq!((status.replicas, status.ready_replicas), (Some(2), Some(2)));
    let deployment = pipes
        .deployments()
        .get(&pipes.workers("shop"))
        .await
        .unwrap();
    let labels = deployment
        .spec
        .unwrap()
        .template
        .metadata
        .unwrap()
        .labels
        .unwrap();
    for part in status.selector.unwrap().split(',') {
        let (label, value) = part.split_once('=').unwrap();
        assert_eq!(
            labels.get(label).map(String::as_str),
            Some(value),
            "{label}"
        );
    }

    let row = pipes.row("shop").await.unwrap();
    assert!(!row.record.retired);
    assert_eq!(row.record.services, ["shop"]);
    assert_eq!(pipes.on_the_broker("shop"), (true, 1));
    let policy = format!("it/{}", pipes.queue("shop"));
    let observed = pipes.stage.broker.peek();
    let policy = observed.policies.iter().find(|p| p.name == policy).unwrap();
    assert_eq!(policy.definition["max-length-bytes"], json!(8 << 20));
    assert_eq!(policy.definition["delivery-limit"], json!(29));
    pipes.told("shop", "Ready").await;

    // What its tenant says of queues is its own, as soon as it says so.
    pipes
        .stage
        .apply("acme", json!({"limits": {"backlogBytes": "16Mi"}}))
        .await;
    eventually("the new limit", async || {
        let observed = pipes.stage.broker.peek();
        let policy = observed
            .policies
            .iter()
            .find(|p| p.name.ends_with(".shop"))
            .cloned();
        is(
            policy
                .as_ref()
                .is_some_and(|p| p.definition["max-length-bytes"] == json!(16 << 20)),
            policy,
        )
    })
    .await;
}

#[tokio::test]
async fn ingest_sends_nothing_before_the_queue_was_seen_in_effect() {
    let pipes = Pipes::new().await;
    pipes.stage.broker.fail(Fault {
        on: On::Any,
        times: None,
        category: Category::Unreachable,
        done: false,
    });
    pipes.apply("shop", json!({"scaling": {"min": 0}})).await;
    pipes
        .says(
            "shop",
            "TopologySynced",
            "Unknown",
            Some("BrokerUnreachable"),
        )
        .await;
    assert!(pipes.row("shop").await.unwrap().record.retired);
    pipes.stage.broker.heal();
    pipes.ready("shop").await;
    assert!(pipes.is_routed("shop").await);
}

#[tokio::test]
async fn suspended_it_has_no_workers_and_takes_events() {
    let pipes = Pipes::new().await;
    pipes
        .apply("shop", json!({"suspend": true, "scaling": {"min": 2}}))
        .await;
    pipes.says("shop", "Ready", "True", Some("Suspended")).await;
    assert!(pipes.is_routed("shop").await);
    let deployment = pipes
        .deployments()
        .get(&pipes.workers("shop"))
        .await
        .unwrap();
    assert_eq!(deployment.spec.unwrap().replicas, Some(0));
    pipes.stage.apply("acme", json!({"suspend": true})).await;
    pipes
        .says("shop", "Ready", "True", Some("TenantSuspended"))
        .await;
}

#[tokio::test]
async fn without_a_tenant_it_waits_and_then_is_set_up() {
    let pipes = Pipes::new().await;
    let orphan = pipes.stage.corner.tenant_name("later");
    let namespace = json!({"metadata": {"name": orphan, "labels": {"sendry.io/tenant": orphan}}});
    let namespace = serde_json::from_value(namespace).unwrap();
    pipes
        .stage
        .namespaces()
        .create(&Default::default(), &namespace)
        .await
        .unwrap();
    let later = Pipes {
        tenant: orphan,
        ..pipes
    };
    // Nobody else would say so of it.
    let filter = json!({sendry_operator::settings::WATCH_FILTER_LABEL: later.stage.corner.name});
    let object = json!({
        "apiVersion": "sendry.io/v1alpha1", "kind": "SendryPipeline",
        "metadata": {"name": "shop", "labels": filter}, "spec": {"scaling": {"min": 0}},
    });
    let object = serde_json::from_value(object).unwrap();
    later
        .api()
        .create(&Default::default(), &object)
        .await
        .unwrap();
    let waiting = later.says("shop", "Ready", "False", Some("NoTenant")).await;
    let stalled = find(&waiting.status.unwrap().conditions, "Stalled")
        .unwrap()
        .clone();
    assert_eq!(stalled.status, "False");
    later.stage.apply("later", json!({})).await;
    later.ready("shop").await;
}

#[tokio::test]
async fn a_pipeline_named_default_takes_up_what_stood_without_an_operator() {
    let pipes = Pipes::new().await;
    // As a worker declares it, and as people write it.
    let record = PipelineRecord {
        tenant: pipes.id(),
        name: sendry_domain::id::PipelineName::fallback(),
        services: Vec::new(),
        environments: Vec::new(),
        created_at: UnixMillis(1),
        retired: false,
    };
    pipes.stage.store.put_pipeline(&record).await.unwrap();
    pipes.idle("default", json!({})).await;
    pipes.told("default", "Adopted").await;
    assert!(pipes.row("default").await.unwrap().stamp.is_some());
    assert_eq!(pipes.on_the_broker("default"), (true, 1));
}

#[tokio::test]
async fn drift_is_healed_and_told_of_the_pipeline() {
    let pipes = Pipes::new().await;
    pipes.idle("shop", json!({})).await;
    let queue: QueueName = pipes.queue("shop");
    let name = queue.to_string();
    pipes.stage.broker.meddle(|observed| {
        observed.bindings.retain(|b| b.queue != name);
    });
    eventually("the binding", async || {
        let seen = pipes.on_the_broker("shop");
        is(seen == (true, 1), seen)
    })
    .await;
    pipes.told("shop", "DriftRepaired").await;
    let events = pipes.stage.events(&pipes.tenant).await;
    assert!(!events.contains_key("DriftRepaired"), "{events:?}");
}

#[tokio::test]
async fn at_rest_nothing_is_written() {
    let mut pipes = Pipes::new().await;
    pipes.apply("shop", json!({"services": ["shop"]})).await;
    pipes.scale("shop", 1, 1).await;
    pipes.ready("shop").await;
    pipes.idle("rest", json!({})).await;
    pipes.apply("too", json!({})).await;
    pipes
        .says("too", "Stalled", "True", Some("PatternConflict"))
        .await;
    // The autoscaler has said what it makes of them.
    for name in ["shop", "rest"] {
        eventually("how many workers are wanted", async || {
            let status = pipes.api().get(name).await.unwrap().status;
            let wanted = status.as_ref().and_then(|status| status.desired_replicas);
            is(wanted.is_some(), status)
        })
        .await;
    }
    let stage = &mut pipes.stage;
    stage.stop().await;
    let version = stage.store.version().await.unwrap();
    let (writes, repairs, passes) = (stage.writes(), stage.broker.writes(), stage.passes());
    // The autoscaler says its part at looks of its own: none of them after the first.
    let settings = Settings {
        scaling: Duration::from_secs(5),
        ..stage.corner.settings()
    };
    stage.start_with(settings);
    eventually("a pass over all", async || {
        let done = stage.passes() - passes;
        is(done >= 4, done)
    })
    .await;
    // A write that a pass leads to would follow at once.
    sleep(Duration::from_millis(700)).await;
    assert_eq!(stage.writes(), writes);
    assert_eq!(stage.broker.writes(), repairs);
    assert_eq!(stage.store.version().await.unwrap(), version);
}
