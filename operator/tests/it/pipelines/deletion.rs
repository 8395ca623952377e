//! Whatever is deleted, no event is lost.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use sendry_crds::condition::find;
use serde_json::json;
use tokio::time::sleep;

use super::stage::Pipes;
use crate::support::{eventually, is};

/// A pipeline with one worker, and nothing in its queue.
pub async fn working(pipes: &Pipes, spec: serde_json::Value) {
    pipes.apply("shop", spec).await;
    pipes.scale("shop", 1, 1).await;
    pipes.ready("shop").await;
}

fn secrets(pipes: &Pipes) -> Api<Secret> {
    pipes.stage.secrets(&pipes.stage.corner.operators)
}

#[tokio::test]
async fn a_drained_pipeline_goes_with_all_it_had_and_its_neighbour_stays() {
    let pipes = Pipes::new().await;
    working(&pipes, json!({"services": ["shop"]})).await;
    pipes.idle("rest", json!({})).await;
    let queue = pipes.queue("shop");
    pipes.stage.depths.set(queue.clone(), 3, 4);
    let worker = pipes.worker("shop", 1);
    let began = Instant::now();
    pipes.delete("shop").await;
    pipes.says("shop", "Ready", "False", Some("Draining")).await;
    eventually("no new events", async || {
        let row = pipes.row("shop").await.unwrap();
        is(row.record.retired, row)
    })
    .await;
    // What ingest still sends comes in, until it has had time to hear of it.
    assert_eq!(pipes.on_the_broker("shop"), (true, 1));
    eventually("the queue to be closed", async || {
        let seen = pipes.on_the_broker("shop");
        is(seen == (true, 0), seen)
    })
    .await;
    assert!(
        began.elapsed() >= Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    // Neither what is ready, nor what a worker holds, nor what nobody can tell is empty.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(pipes.on_the_broker("shop"), (true, 0));
    pipes.stage.depths.set(queue.clone(), 0, 4);
    pipes.stage.broker.hold(&queue, 1);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(
        pipes.on_the_broker("shop"),
        (true, 0),
        "a worker holds a message"
    );
    drop(worker);
    let _worker = pipes.worker("shop", 0);
    // Nor is what waits to be dead-lettered, and that is known only seconds later.
    sleep(Duration::from_secs(16)).await;
    assert_eq!(
        pipes.on_the_broker("shop"),
        (true, 0),
        "the broker says that it holds a message"
    );
    pipes.stage.broker.hold(&queue, 0);
    pipes.gone("shop").await;
    assert_eq!(pipes.on_the_broker("shop"), (false, 0));
    let observed = pipes.stage.broker.peek();
    assert!(
        !format!("{observed:?}").contains(&queue.to_string()),
        "{observed:?}"
    );
    assert!(pipes.row("shop").await.is_none());
    let name = pipes.workers("shop");
    assert!(pipes.deployments().get_opt(&name).await.unwrap().is_none());
    assert!(secrets(&pipes).get_opt(&name).await.unwrap().is_none());
    pipes.told("shop", "Drained").await;
    // The neighbour, and the tenant's own queue, are as they were.
    assert_eq!(pipes.on_the_broker("rest"), (true, 1));
    pipes.ready("rest").await;
    pipes.stage.ready(&pipes.tenant).await;
    // Nobody makes it again.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(pipes.on_the_broker("shop"), (false, 0));
    assert!(secrets(&pipes).get_opt(&name).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_not_drained_in_time_is_kept_and_taken_up_again() {
    let pipes = Pipes::new().await;
    let timeout = json!({"sendry.io/drain-timeout": "8s"});
    pipes
        .apply_with("shop", timeout, json!({"services": ["shop"]}))
        .await;
    pipes.scale("shop", 1, 1).await;
    pipes.ready("shop").await;
    pipes.stage.depths.set(pipes.queue("shop"), 3, 4);
    let _worker = pipes.worker("shop", 1);
    pipes.delete("shop").await;
    eventually("why it is not empty", async || {
        let found = pipes.api().get_opt("shop").await.unwrap();
        let said = found.and_then(|found| found.status);
        let ready = said.and_then(|said| find(&said.conditions, "Ready").cloned());
        let message = ready.map(|ready| ready.message).unwrap_or_default();
        is(message.contains("messages wait in it"), message)
    })
    .await;
    pipes.gone("shop").await;
    pipes.told("shop", "DrainTimedOut").await;
    let row = pipes.row("shop").await.unwrap();
    assert!(row.record.retired, "it takes no new events");
    assert!(pipes.on_the_broker("shop").0);
    assert!(
        pipes
            .deployments()
            .get_opt(&pipes.workers("shop"))
            .await
            .unwrap()
            .is_some()
    );
    // Looked at again, it is still there.
    pipes
        .stage
        .apply("acme", json!({"limits": {"backlogBytes": "8Mi"}}))
        .await;
    pipes.stage.ready(&pipes.tenant).await;
    assert!(pipes.on_the_broker("shop").0);

    pipes.apply("shop", json!({"services": ["shop"]})).await;
    pipes.ready("shop").await;
    pipes.told("shop", "Adopted").await;
    assert!(pipes.is_routed("shop").await);
    assert_eq!(pipes.on_the_broker("shop"), (true, 1));
}

#[tokio::test]
async fn an_operator_that_comes_too_late_looks_before_it_gives_up() {
    let mut pipes = Pipes::new().await;
    let timeout = json!({"sendry.io/drain-timeout": "1s"});
    pipes
        .apply_with("shop", timeout, json!({"services": ["shop"]}))
        .await;
    pipes.scale("shop", 1, 1).await;
    pipes.ready("shop").await;
    pipes.stage.stop().await;
    pipes.delete("shop").await;
    sleep(Duration::from_secs(2)).await;
    pipes.stage.depths.set(pipes.queue("shop"), 0, 4);
    let _worker = pipes.worker("shop", 0);
    pipes.stage.start();
    pipes.gone("shop").await;
    pipes.told("shop", "Drained").await;
    assert!(pipes.row("shop").await.is_none());
}

#[tokio::test]
async fn a_retained_pipeline_keeps_everything_and_its_pattern() {
    let pipes = Pipes::new().await;
    working(
        &pipes,
        json!({"services": ["shop"], "deletionPolicy": "Retain"}),
    )
    .await;
    let before = pipes.row("shop").await.unwrap();
    pipes.delete("shop").await;
    pipes.gone("shop").await;
    pipes.told("shop", "Retained").await;
    let row = pipes.row("shop").await.unwrap();
    assert_eq!(row.record, before.record);
    assert_eq!(pipes.on_the_broker("shop"), (true, 1));
    let deployment = pipes
        .deployments()
        .get(&pipes.workers("shop"))
        .await
        .unwrap();
    assert_eq!(deployment.spec.unwrap().replicas, Some(1));
    pipes.apply("other", json!({"services": ["shop"]})).await;
    pipes
        .says("other", "Stalled", "True", Some("PatternConflict"))
        .await;
    pipes.apply("shop", json!({"services": ["shop"]})).await;
    pipes.ready("shop").await;
    pipes.told("shop", "Adopted").await;
}

#[tokio::test]
async fn a_retained_pipeline_waits_for_a_worker_that_stays() {
    let pipes = Pipes::new().await;
    pipes
        .idle("shop", json!({"deletionPolicy": "Retain"}))
        .await;
    pipes.delete("shop").await;
    pipes
        .says("shop", "Ready", "False", Some("Retaining"))
        .await;
    pipes.scale("shop", 1, 0).await;
    pipes.gone("shop").await;
}

#[tokio::test]
async fn a_namespace_or_a_tenant_that_goes_keeps_what_its_pipelines_have() {
    let pipes = Pipes::new().await;
    working(&pipes, json!({})).await;
    pipes.stage.depths.set(pipes.queue("shop"), 3, 4);
    let began = Instant::now();
    let namespaces = pipes.stage.namespaces();
    namespaces
        .delete(&pipes.tenant, &Default::default())
        .await
        .unwrap();
    pipes.gone("shop").await;
    println!("kept within {:?}", began.elapsed());
    assert!(pipes.is_routed("shop").await);
    assert_eq!(pipes.on_the_broker("shop"), (true, 1));
    // The tenant has its namespace again, and the pipeline made in it is the same one.
    pipes.stage.ready(&pipes.tenant).await;
    pipes.apply("shop", json!({})).await;
    pipes.ready("shop").await;

    let tenants = pipes.stage.corner.tenants();
    tenants
        .delete(&pipes.tenant, &Default::default())
        .await
        .unwrap();
    eventually("the tenant to go", async || {
        let found = tenants.get_opt(&pipes.tenant).await.unwrap();
        is(found.is_none(), ())
    })
    .await;
    pipes.says("shop", "Ready", "False", Some("NoTenant")).await;
    pipes.delete("shop").await;
    pipes.gone("shop").await;
    assert!(pipes.is_routed("shop").await);
    assert_eq!(pipes.on_the_broker("shop"), (true, 1));
}

#[tokio::test]
async fn with_the_broker_gone_for_good_nothing_is_waited_for() {
    let pipes = Pipes::new().await;
    working(&pipes, json!({})).await;
    pipes
        .stage
        .broker
        .fail(sendry_queue::topology::fake::Fault {
            on: sendry_queue::topology::fake::On::Any,
            times: None,
            category: sendry_queue::topology::Category::Unreachable,
            done: false,
        });
    pipes.stage.depths.away(true);
    pipes.delete("shop").await;
    pipes.says("shop", "Ready", "False", None).await;
    sleep(Duration::from_secs(9)).await;
    assert!(
        pipes.row("shop").await.is_some(),
        "a broker that is away is waited for"
    );
    let gone = json!({"metadata": {"annotations": {"sendry.io/broker-gone": "true"}}});
    pipes.stage.corner.change(&pipes.tenant, gone).await;
    pipes.gone("shop").await;
    assert!(pipes.row("shop").await.is_none());
}

#[tokio::test]
async fn one_that_has_nothing_goes_at_once() {
    let pipes = Pipes::new().await;
    pipes.idle("a", json!({})).await;
    pipes.apply("b", json!({})).await;
    pipes.says("b", "Stalled", "True", None).await;
    let began = Instant::now();
    pipes.delete("b").await;
    pipes.gone("b").await;
    println!("gone within {:?}", began.elapsed());
    assert_eq!(pipes.on_the_broker("a"), (true, 1));
}

#[tokio::test]
async fn one_that_never_had_its_queue_goes_and_leaves_that_alone() {
    let pipes = Pipes::new().await;
    pipes.idle("shop", json!({"services": ["shop"]})).await;
    // The queue of its name becomes another owner's.
    let queue = pipes.queue("late");
    let other = sendry_queue::topology::TenantQueues::new(
        pipes.id(),
        vec![sendry_domain::id::PipelineName::new("late").unwrap()],
        Default::default(),
    );
    let theirs = sendry_queue::topology::desired("another", &[other]);
    pipes.stage.broker.meddle(|observed| {
        let found = theirs.queues.iter().find(|q| q.name == queue).unwrap();
        observed.policies.push(found.policy.clone());
        observed.queues.push(sendry_queue::topology::ObservedQueue {
            name: queue.to_string(),
            arguments: found.arguments.clone(),
            policy: None,
        });
    });
    pipes.apply("late", json!({"services": ["late"]})).await;
    pipes
        .says("late", "Stalled", "True", Some("OwnershipConflict"))
        .await;
    pipes.delete("late").await;
    pipes.gone("late").await;
    assert!(pipes.row("late").await.is_none());
    assert!(pipes.on_the_broker("late").0, "it was not ours");
    let name = pipes.workers("late");
    assert!(secrets(&pipes).get_opt(&name).await.unwrap().is_none());
}

#[tokio::test]
async fn workers_that_somebody_deletes_during_the_drain_are_made_again() {
    let pipes = Pipes::new().await;
    working(&pipes, json!({"services": ["shop"]})).await;
    pipes.stage.depths.set(pipes.queue("shop"), 3, 4);
    pipes.delete("shop").await;
    pipes.says("shop", "Ready", "False", Some("Draining")).await;
    let (api, name) = (pipes.deployments(), pipes.workers("shop"));
    let uid = api.get(&name).await.unwrap().metadata.uid;
    api.delete(&name, &Default::default()).await.unwrap();
    eventually("another Deployment", async || {
        let found = api.get_opt(&name).await.unwrap();
        let found = found.and_then(|found| found.metadata.uid);
        is(found.is_some() && found != uid, found)
    })
    .await;
    pipes.stage.depths.set(pipes.queue("shop"), 0, 4);
    let _worker = pipes.worker("shop", 0);
    pipes.gone("shop").await;
}
