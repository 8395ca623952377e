//! From a manifest to a working key, to other limits, and to rest.

use std::time::Duration;

use sendry_domain::{id::TenantId, time::HOUR};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::stage::{Stage, states, values};
use crate::support::{eventually, is};

#[tokio::test]
async fn a_manifest_becomes_a_namespace_a_key_settings_and_a_queue() {
    let stage = Stage::new().await;
    let began = Instant::now();
    let name = stage
        .apply(
            "acme",
            json!({"apiKeys": [{"name": "app", "services": ["shop"]}], "limits": {"eventsPerSecond": 50}}),
        )
        .await;
    let tenant = stage.ready(&name).await;
    println!("applied to Ready: {:?}", began.elapsed());

    let key = stage.key(&name, "app").await;
    let verifier = stage.verifier(&key).await;
    assert_eq!(verifier.services, ["shop"]);
    assert_eq!((verifier.not_after, verifier.revoked_at), (None, None));
    assert_eq!(states(&tenant, "app"), ["Current"]);
    assert_eq!(tenant.status.as_ref().unwrap().active_keys, Some(1));
    let whole = serde_json::to_string(&tenant).unwrap();
    assert!(!whole.contains(key.expose()), "a status shows a key");
    let secret = stage.secret(&name, "app").await;
    assert_eq!(values(&secret)["key-id"], key.id().as_str());

    let record = stage.record(&name).await;
    assert_eq!(record.rate.unwrap().per_second, 50);
    assert!(!record.suspended);
    let queue = format!("sendry.{name}.parked");
    let observed = stage.broker.peek();
    assert!(
        observed.queues.iter().any(|q| q.name == queue),
        "{observed:?}"
    );
}

#[tokio::test]
async fn changes_reach_ingest_and_what_is_taken_back_is_taken_back() {
    let stage = Stage::new().await;
    let name = stage.apply("acme", json!({})).await;
    stage.ready(&name).await;
    let spec = json!({"suspend": true, "window": "3h", "retention": {"raw": "24h"},
        "limits": {"eventsPerSecond": 5, "burst": 7, "maxPayload": "2Ki"}});
    stage.apply("acme", spec).await;
    stage.ready(&name).await;
    let record = stage.record(&name).await;
    assert!(record.suspended);
    let rate = record.rate.unwrap();
    assert_eq!((rate.per_second, rate.burst), (5, 7));
    assert_eq!(record.window.past(), 3 * HOUR);
    assert_eq!(record.raw_retention, 24 * HOUR);
    assert_eq!(record.max_payload, Some(2_048));

    stage.apply("acme", json!({})).await;
    stage.ready(&name).await;
    let record = stage.record(&name).await;
    assert!(!record.suspended);
    assert_eq!((record.rate, record.max_payload), (None, None));
    assert_eq!(record.window.past(), 48 * HOUR);
}

#[tokio::test]
async fn at_rest_nothing_is_written() {
    let mut stage = Stage::new().await;
    let mut names = Vec::new();
    for short in ["a", "b", "c"] {
        let spec = json!({"apiKeys": [{"name": "app", "rotation": {"interval": "720h"}}]});
        names.push(stage.apply(short, spec).await);
    }
    for name in &names {
        stage.ready(name).await;
    }
    // Another operator looks at everything once more, and finds nothing to do.
    stage.stop().await;
    let version = sendry_store::ControlStore::version(stage.store.as_ref())
        .await
        .unwrap();
    let before: Vec<_> = [stage.get(&names[0]).await, stage.get(&names[2]).await].into();
    let (writes, repairs) = (stage.writes(), stage.broker.writes());
    let passes = stage.passes();
    stage.start();
    eventually("a pass over all", async || {
        let done = stage.passes() - passes;
        is(done >= 3, done)
    })
    .await;
    // A write that a pass leads to would follow at once.
    sleep(Duration::from_millis(500)).await;
    let after: Vec<_> = [stage.get(&names[0]).await, stage.get(&names[2]).await].into();
    assert_eq!(after, before);
    assert_eq!(stage.writes(), writes);
    assert_eq!(stage.broker.writes(), repairs);
    let still = sendry_store::ControlStore::version(stage.store.as_ref())
        .await
        .unwrap();
    assert_eq!(still, version);
}

#[tokio::test]
async fn the_password_of_a_queue_s_reader_is_in_the_operator_s_namespace_alone() {
    let stage = Stage::new().await;
    let name = stage.apply("acme", json!({})).await;
    stage.ready(&name).await;
    let tenant = TenantId::new(&name).unwrap();
    let secret = sendry_operator::tenant::apply::parked_reader_secret(&tenant);
    let secret = stage.secret(&stage.corner.name, &secret).await;
    let found = values(&secret);
    assert_eq!(found["username"], format!("sendry.{name}"));
    assert_eq!(found["password"].len(), 48);
    let there = stage
        .secrets(&name)
        .list(&Default::default())
        .await
        .unwrap();
    assert!(there.items.is_empty(), "{:?}", there.items.len());
}
