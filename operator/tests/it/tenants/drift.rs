//! A broker that changes behind us, and one that is away.

use sendry_queue::topology::{
    Category,
    fake::{Fault, On},
};
use serde_json::json;

use super::stage::Stage;
use crate::support::{eventually, is};

#[tokio::test]
async fn drift_is_healed_and_told() {
    let stage = Stage::new().await;
    let name = stage.apply("acme", json!({})).await;
    stage.ready(&name).await;
    let queue = format!("sendry.{name}.parked");
    stage.broker.meddle(|observed| {
        observed.queues.retain(|q| q.name != queue);
        observed.bindings.retain(|b| b.queue != queue);
    });
    eventually("the queue and its bindings", async || {
        let observed = stage.broker.peek();
        let bound = observed
            .bindings
            .iter()
            .filter(|b| b.queue == queue)
            .count();
        is(
            observed.queues.iter().any(|q| q.name == queue) && bound == 2,
            bound,
        )
    })
    .await;
    eventually("an Event", async || {
        let events = stage.events(&name).await;
        is(events.contains_key("DriftRepaired"), events)
    })
    .await;
    stage.ready(&name).await;
}

#[tokio::test]
async fn with_the_broker_away_keys_come_all_the_same_and_the_condition_says_so() {
    let stage = Stage::new().await;
    stage.broker.fail(Fault {
        on: On::Any,
        times: None,
        category: Category::Unreachable,
        done: false,
    });
    let name = stage
        .apply("acme", json!({"apiKeys": [{"name": "app"}]}))
        .await;
    stage
        .says(
            &name,
            "TopologySynced",
            "Unknown",
            Some("BrokerUnreachable"),
        )
        .await;
    let tenant = stage
        .says(&name, "Ready", "False", Some("BrokerUnreachable"))
        .await;
    let stalled = tenant
        .status
        .unwrap()
        .conditions
        .into_iter()
        .find(|c| c.type_ == "Stalled");
    assert_eq!(stalled.unwrap().status, "False");
    let key = stage.key(&name, "app").await;
    stage.verifier(&key).await;
    stage.broker.heal();
    stage.ready(&name).await;
}

#[tokio::test]
async fn one_verb_that_is_refused_is_said_and_the_rest_is_done() {
    let stage = Stage::new().await;
    stage.broker.fail(Fault {
        on: On::Verb(sendry_queue::topology::Verb::PutUser),
        times: None,
        category: Category::Forbidden,
        done: false,
    });
    let name = stage.apply("acme", json!({})).await;
    stage
        .says(&name, "TopologySynced", "False", Some("BrokerForbidden"))
        .await;
    let queue = format!("sendry.{name}.parked");
    assert!(stage.broker.peek().queues.iter().any(|q| q.name == queue));
    stage.broker.heal();
    stage.ready(&name).await;
}
