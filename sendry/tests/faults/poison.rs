//! Messages that nobody can count, next to healthy ones; and healthy ones that come to the keeper.

use std::time::Duration;

use anyhow::ensure;
use sendry_testkit::{
    cluster::{Kind, Servers},
    journal::{End, Kind as Fate, Request},
};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    away,
    probe::Probe,
    scene::{Scene, until},
};

/// A message that each worker gives back is parked after so many deliveries; with many consumers that is soon.
const CONSUMERS: [&str; 2] = ["--concurrency", "16"];
const PARKED: Duration = Duration::from_secs(60);

pub async fn poison_beside_healthy(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let urls = scene.urls.clone();
    for name in ["worker0", "worker1"] {
        scene.cluster.start(name, Kind::Worker, &urls, &CONSUMERS)?;
    }
    scene.cast(1, 2)?;
    scene.load(3, |_| {});
    let ingest = scene.cluster.member("ingest0")?.address()?;
    let probe = Probe::start(ingest, &scene.tenants[0], "probe", scene.now.0);
    let vhost = scene.urls.vhost.clone();

    // Whom it says it is for is another than whose queue it is in.
    let strayed = |id: Uuid| {
        json!({
            "v": 1, "messageId": id, "tenant": "other", "pipeline": "default",
            "acceptedAt": 1, "requests": [], "events": [],
        })
    };
    for n in 0..3 {
        publish(scene, n, |_| "\u{0}\u{1} no message".to_owned()).await?;
        publish(scene, 10 + n, |id| strayed(id).to_string()).await?;
    }
    // A build that reads it may run beside this one: it goes round until it is parked.
    publish(scene, 20, |id| {
        json!({ "v": 99, "messageId": id }).to_string()
    })
    .await?;
    scene.want = |verdict| {
        ensure!(
            verdict.poisoned == 7,
            "{} are dead letters",
            verdict.poisoned
        );
        Ok(())
    };
    until(PARKED, "the keeper to get what goes round", async || {
        let taken = kept(scene).await?;
        ensure!(taken == 1.0, "it has got {taken}");
        Ok(())
    })
    .await?;

    // What has no queue goes to the keeper, who counts it.
    let broker = scene.cluster.broker()?;
    let binding = format!("/api/bindings/{vhost}/e/sendry.events/q/sendry.acme.default");
    broker.delete(&format!("{binding}/acme.default")).await?;
    until(
        PARKED,
        "the keeper to count what has no queue",
        async || {
            let taken = kept(scene).await?;
            ensure!(taken > 20.0, "it has got {taken}");
            Ok(())
        },
    )
    .await?;
    let body = json!({ "routing_key": "acme.default", "arguments": {} });
    broker
        .send("POST", &binding, body.to_string().into())
        .await?;
    sleep(Duration::from_secs(1)).await;
    away::end(scene, probe).await
}

/// Straight to the broker, into the queue of the first tenant.
async fn publish(
    scene: &mut Scene,
    number: u128,
    body: impl Fn(Uuid) -> String,
) -> anyhow::Result<()> {
    let id = Uuid::from_u128(number + 1);
    let request = scene.journal.declare(Request {
        tenant: scene.tenants[0].name.clone(),
        names: vec![id.to_string()],
        kind: Fate::Poison,
        ..Request::default()
    });
    scene.journal.sending(request);
    let message = json!({
        "properties": { "message_id": id, "delivery_mode": 2, "headers": { "sendry-events": 1 } },
        "routing_key": "acme.default", "payload": body(id), "payload_encoding": "string",
    });
    let path = format!("/api/exchanges/{}/sendry.events/publish", scene.urls.vhost);
    let broker = scene.cluster.broker()?;
    let answer = broker.send("POST", &path, message.to_string().into());
    let answer: Value = serde_json::from_slice(&answer.await?)?;
    ensure!(answer["routed"] == true, "{answer}");
    scene.journal.ended(request, End::Accepted, Vec::new());
    Ok(())
}

/// How many messages the keeper has got.
async fn kept(scene: &mut Scene) -> anyhow::Result<f64> {
    let keeper = scene.cluster.member("keeper")?;
    keeper.metric("sendry_worker_messages_total").await
}
