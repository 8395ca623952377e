//! What a queue holds, by the broker's own count.

use std::time::{Duration, Instant};

use sendry_domain::id::PipelineName;

use super::*;
use crate::topology::PARKED;

/// Statistics of a new queue come after some 10 s.
const PATIENCE: Duration = Duration::from_secs(40);

async fn holds(real: &Real, queue: &QueueName, wanted: u64) {
    let until = Instant::now() + PATIENCE;
    loop {
        let held = real.api.held(queue).await.unwrap();
        if held == Some(wanted) {
            return;
        }
        assert!(
            Instant::now() < until,
            "{queue} holds {held:?}, not {wanted}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_parked_queue_that_is_not_there_is_counted() {
    let real = Real::start().await;
    let tenant = real.tenant();
    let name = PipelineName::new("shop").unwrap();
    let queue = QueueName::Pipeline(tenant.clone(), name.clone());
    assert_eq!(
        real.api.held(&queue).await.unwrap(),
        None,
        "it is not there"
    );
    let wanted = TenantQueues::new(tenant.clone(), vec![name], Limits::default());
    let topology = desired("c1", &[wanted]);
    reconcile_all(&real.api, &topology).await.unwrap();
    // Where dead letters go is unbound, and two messages are dead-lettered.
    for binding in topology.bindings.iter().filter(|b| b.source == PARKED) {
        let unbind = Repair::Unbind(binding.clone());
        real.api.apply(&unbind).await.unwrap();
    }
    let (vhost, text) = (real.vhost.name.as_str(), queue.to_string());
    let message = json!({
        "properties": {"delivery_mode": 2}, "routing_key": text, "payload": "x", "payload_encoding": "string",
    });
    let publish = ["exchanges", vhost, "amq.default", "publish"];
    for _ in 0..2 {
        real.vhost
            .call(Method::POST, &publish, Some(message.clone()))
            .await;
    }
    let reject = json!({"count": 2, "ackmode": "reject_requeue_false", "encoding": "auto"});
    let get = ["queues", vhost, &text, "get"];
    let got = real.vhost.call(Method::POST, &get, Some(reject)).await;
    assert_eq!(got.as_array().map(Vec::len), Some(2));
    // Nothing is ready, and nobody holds anything. The broker tries again by itself, minutes later
    // (`dead_letter_worker_publisher_confirm_timeout`, three where nothing is set).
    holds(&real, &queue, 2).await;
}
