//! What clients do: everything many times at once, with other contents under the same ids, across midnight, around a
//! change of pipelines.

use std::time::Duration;

use anyhow::{Context, ensure};
use sendry_domain::time::{DAY, HOUR, UnixMillis};
use sendry_testkit::{
    client::{Answer, Client},
    cluster::Servers,
    journal::{End, Request, RequestId},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::scene::{Scene, until};

/// What has to be noticed is noticed within.
const NOTICED: Duration = Duration::from_secs(60);

/// Every request one to five times at once at two ingests, a tenth of them with another content.
pub async fn storms(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    scene.cast(2, 2)?;
    scene.load(4, |options| {
        options.storms = 1.0;
        options.conflicts = 0.1;
    });
    scene.want = |verdict| {
        ensure!(verdict.contested > 0, "no content was contested");
        Ok(())
    };
    sleep(Duration::from_secs(5)).await;
    Ok(())
}

/// A batch that is sent again and again while its pipeline is made, pointed elsewhere and retired.
pub async fn pipelines(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    scene.cast(1, 2)?;
    let now = scene.now;
    let mixed = batch("mixed", 1, (0..30).map(|n| (format!("s{}", n % 3), now)));
    let mixed = (declare(scene, "mixed", 30), mixed);
    let second = batch("second", 2, (0..10).map(|_| ("s2".to_owned(), now)));
    let second = (declare(scene, "second", 10), second);
    accepted(scene, &mixed).await?;
    accepted(scene, &second).await?;

    put(scene, "s1")?;
    reaches_fast(scene, &mixed).await?;
    put(scene, "s2")?;
    reaches_fast(scene, &second).await?;
    accepted(scene, &mixed).await?;
    scene
        .cluster
        .settings("pipelines", &["--tenant", "acme", "retire", "fast"])?;
    for _ in 0..6 {
        accepted(scene, &mixed).await?;
        accepted(scene, &second).await?;
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Events on both sides of midnight, sent twice; events older than the window.
pub async fn midnight(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    scene.cast(1, 1)?;
    let midnight = UnixMillis(scene.now.0 / DAY * DAY);
    scene.from = midnight.plus(-HOUR).min(scene.from);
    let times = [-1_000, -1, 0, 1, 1_000].map(|by| midnight.plus(by));
    let body = batch("midnight", 1, times.map(|time| ("s".to_owned(), time)));
    let body = (declare(scene, "midnight", times.len()), body);
    accepted(scene, &body).await?;
    scene.cluster.drained(NOTICED).await?;
    accepted(scene, &body).await?;

    let old = scene.now.plus(-3 * DAY);
    let partly = [scene.now, old].map(|time| ("s".to_owned(), time));
    let request = declare(scene, "partly", 2);
    scene.journal.sending(request);
    let answer = post(scene, batch("partly", 2, partly)).await?;
    let said = answer.json()?;
    ensure!(answer.status == 202 && said["rejected"] == 1, "{said}");
    scene.journal.ended(request, End::Accepted, vec![1]);

    let request = declare(scene, "old", 1);
    scene.journal.sending(request);
    let answer = post(scene, batch("old", 3, [("s".to_owned(), old)])).await?;
    ensure!(answer.status == 422, "{} {:?}", answer.status, answer.body);
    scene.journal.ended(request, End::Refused, Vec::new());
    Ok(())
}

fn put(scene: &Scene, services: &str) -> anyhow::Result<()> {
    let args = ["--tenant", "acme", "put", "fast", "--services", services];
    scene.cluster.settings("pipelines", &args).map(drop)
}

/// Sends it until the pipeline's queue has got more than before.
async fn reaches_fast(scene: &mut Scene, batch: &(RequestId, Value)) -> anyhow::Result<()> {
    let broker = scene.cluster.broker()?;
    let path = format!("/api/queues/{}/sendry.acme.fast", scene.urls.vhost);
    let published = async || -> anyhow::Result<u64> {
        let Ok(answer) = broker.send("GET", &path, bytes::Bytes::new()).await else {
            return Ok(0);
        };
        let queue: Value = serde_json::from_slice(&answer)?;
        Ok(queue["message_stats"]["publish"].as_u64().unwrap_or(0))
    };
    let before = published().await?;
    until(NOTICED, "the batch to go by the pipeline", async || {
        accepted(scene, batch).await?;
        sleep(Duration::from_millis(300)).await;
        let now = published().await?;
        ensure!(now > before, "{now} published there, {before} before");
        Ok(())
    })
    .await?;
    Ok(())
}

/// A batch under a name of its own, of events of these services at these times.
fn batch(
    name: &str,
    number: u128,
    events: impl IntoIterator<Item = (String, UnixMillis)>,
) -> Value {
    let event = |(n, (service, time)): (usize, (String, UnixMillis))| {
        json!({
            "requestId": format!("{name}-{n}"), "timestamp": time.0, "serviceName": service,
            "endpoint": "/b", "method": "GET", "statusCode": 200, "latencyMs": 2.5,
        })
    };
    let events: Vec<Value> = events.into_iter().enumerate().map(event).collect();
    json!({ "batchId": uuid::Uuid::from_u128(number), "events": events })
}

fn declare(scene: &mut Scene, name: &str, events: usize) -> RequestId {
    scene.journal.declare(Request {
        tenant: scene.tenants[0].name.clone(),
        names: (0..events).map(|n| format!("{name}-{n}")).collect(),
        ..Request::default()
    })
}

/// Sends it until it is accepted; ingest may just be connecting.
async fn accepted(scene: &mut Scene, batch: &(RequestId, Value)) -> anyhow::Result<()> {
    let (request, body) = batch;
    until(NOTICED, "ingest to accept", async || {
        scene.journal.sending(*request);
        let answer = post(scene, body.clone()).await?;
        ensure!(answer.status == 202, "{} {:?}", answer.status, answer.body);
        scene.journal.ended(*request, End::Accepted, Vec::new());
        Ok(())
    })
    .await?;
    Ok(())
}

async fn post(scene: &mut Scene, body: Value) -> anyhow::Result<Answer> {
    let address = scene.cluster.member("ingest0")?.address()?;
    let headers = [
        ("x-api-key", scene.tenants[0].api_key.as_str()),
        ("content-type", "application/json"),
    ];
    let mut client = Client::new(address);
    let body = body.to_string().into();
    let answer = client.send("POST", "/api/v1/events", &headers, body).await;
    answer.context("failed to send a batch")
}
