//! From zero, with a real broker.

use std::{sync::Arc, time::Duration};

use sendry_crds::condition::{METRICS_AVAILABLE, SCALING_ACTIVE};
use sendry_domain::{id::MessageId, routing::QueueName, time::UnixMillis};
use sendry_queue::{
    Consumer, EventQueue, Sealed,
    adapters::amqp::{AmqpDepths, AmqpOptions, AmqpQueue},
    topology::{Limits, TenantQueues, desired},
};
use sendry_servers::{Server, kube::ctl};
use sendry_testkit::cluster::{Broker, Urls};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::stage::{Stage, deployment};
use crate::support::{PATIENCE, eventually, is};

/// A virtual host of this test alone.
struct Vhost {
    broker: Broker,
    name: String,
}

impl Vhost {
    async fn new() -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        let name = format!("it-{}", &unique[..8]);
        let urls = Urls {
            queue: String::new(),
            management: sendry_servers::url(Server::RabbitManagement),
            vhost: name.clone(),
            postgres: String::new(),
            mongodb: String::new(),
        };
        let broker = Broker::of(&urls).unwrap();
        broker.make_vhost().await.unwrap();
        Self { broker, name }
    }

    fn options(&self) -> AmqpOptions {
        let url = format!("{}/{}", sendry_servers::url(Server::Amqp), self.name);
        AmqpOptions::new(&url).unwrap()
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let path = format!("/api/vhosts/{}", self.name);
        let deleted = self.broker.delete(&path);
        let deleted =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(deleted));
        if let Err(error) = deleted {
            println!("{path} was not deleted: {error:#}");
        }
    }
}

fn message(queue: &QueueName) -> Sealed {
    Sealed {
        queue: queue.clone(),
        id: MessageId(Uuid::now_v7()),
        events: 1,
        accepted_at: UnixMillis(1_800_000_000_000),
        body: b"a message".to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_wakes_a_pipeline_and_an_unproven_zero_sends_nobody_away() {
    let vhost = Vhost::new().await;
    let queue = AmqpQueue::connect(vhost.options());
    let depths = Arc::new(AmqpDepths::connect(vhost.options()));
    // As often as an operator does.
    let stage = Stage::new(depths, Duration::from_secs(2)).await;
    let orders = stage.queue("orders");
    let QueueName::Pipeline(tenant, pipeline) = orders.clone() else {
        unreachable!("it is one");
    };
    let queues = TenantQueues::new(tenant, vec![pipeline], Limits::default());
    queue.declare(&desired("it", &[queues])).await.unwrap();
    queue.ready(PATIENCE).await.unwrap();
    stage.apply("orders", json!({"min": 0, "max": 10})).await;
    stage.deploy("orders").await;
    stage.set("orders", 0).await;
    stage.says("orders", SCALING_ACTIVE, "True", "Idle").await;
    assert_eq!(stage.wanted("orders").await, 0);

    queue.publish(message(&orders)).await.unwrap();
    eventually("the message to be visible", async || {
        let depth = queue.depth(&orders).await.unwrap();
        is(depth.ready > 0, depth)
    })
    .await;
    let visible = Instant::now();
    stage.wanted_becomes("orders", 1).await;
    println!(
        "the first worker was asked for {:?} after the first message was visible (≤ 3 s)",
        visible.elapsed()
    );
    eventually("the write to be counted", async || {
        let written = stage.metric("sendry_scale_write_seconds_count");
        is(written == Some(1.0), written)
    })
    .await;
    let took = stage.metric("sendry_scale_write_seconds_sum").unwrap();
    println!(
        "from the decision until the API server had it: {:.1} ms (≤ 100 ms)",
        took * 1e3
    );
    columns(&stage);
    told(&stage);
    owned(&stage).await;

    // Somebody takes it and is gone: empty, and nobody there who bears it out.
    take(queue.consume(&orders).await.unwrap()).await;
    stage
        .says("orders", METRICS_AVAILABLE, "Unknown", "EmptyUnproven")
        .await;
    assert_eq!(stage.wanted("orders").await, 1);
    let labels = format!(r#"{{tenant="{0}",pipeline="orders"}}"#, stage.corner.name);
    let metric = |name: &str| stage.metric(&format!("{name}{labels}"));
    assert_eq!(metric("sendry_pipeline_desired_replicas"), Some(1.0));
    assert_eq!(metric("sendry_pipeline_backlog_messages"), Some(0.0));
    assert_eq!(metric("sendry_pipeline_backlog_events"), None);
    assert!(metric("sendry_pipeline_sample_age_seconds") >= Some(10.0));
}

async fn take(mut consumer: Box<dyn Consumer>) {
    let taken = consumer.next(10, PATIENCE).await.unwrap();
    let tags: Vec<_> = taken.iter().map(|delivery| delivery.tag).collect();
    assert_eq!(tags.len(), 1);
    consumer.ack(&tags).await.unwrap();
}

/// What `kubectl get spl` shows.
fn columns(stage: &Stage) {
    let args = ["get", "spl", "orders", "--namespace", &stage.corner.name];
    let table = ctl(&stage.corner.kubeconfig, &args, None).unwrap();
    println!("{table}");
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut lines = table.lines();
    let header = words(lines.next().unwrap());
    let expected = [
        "NAME",
        "READY",
        "DESIRED",
        "REPLICAS",
        "BACKLOG",
        "DRAIN-TIME",
        "SCALING",
        "AGE",
    ];
    assert_eq!(header, expected);
}

fn told(stage: &Stage) {
    let told = stage.events.told();
    let [woken] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (woken.reason.as_str(), woken.action.as_str()),
        ("Waking", "Scale")
    );
    assert!(woken.note.starts_with("0 → 1 workers"), "{}", woken.note);
}

/// The number is the autoscaler's, and applying the Deployment again leaves it alone.
async fn owned(stage: &Stage) {
    let found = stage
        .deployments()
        .get(&deployment("orders"))
        .await
        .unwrap();
    let managed = found.metadata.managed_fields.unwrap_or_default();
    let owners: Vec<_> = managed
        .into_iter()
        .filter(|entry| {
            let fields = entry.fields_v1.as_ref().map(|f| f.0.to_string());
            fields.is_some_and(|fields| fields.contains("f:replicas") && fields.contains("f:spec"))
        })
        .map(|entry| {
            (
                entry.manager.unwrap(),
                entry.subresource.unwrap_or_default(),
            )
        })
        .collect();
    let ours = ("sendry-autoscaler".to_owned(), "scale".to_owned());
    assert_eq!(owners, [ours]);
    stage.deploy("orders").await;
    assert_eq!(stage.wanted("orders").await, 1);
}
