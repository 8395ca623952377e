//! A tenant is erased beside others under load, by a command that is killed in the middle.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use sendry_domain::{id::TenantId, time::UnixMillis};
use sendry_store::{MetricEraser, MetricStore, RawEventEraser, adapters::mongodb::MongoStore};
use sendry_store::{RawEventStore, adapters::postgres::PostgresStore};
use sendry_testkit::{client::Client, cluster::Servers};
use serde_json::Value;

use crate::scene::{BINARY, Scene, until};

/// What has to happen happens within.
const DEADLINE: Duration = Duration::from_secs(60);
/// Who is erased; the others of the scene are the oracle's to judge.
const GONE: &str = "gone";
const EVENTS: u64 = 6_000;

pub async fn a_tenant_is_erased(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    scene.cast(1, 2)?;
    scene.load(2, |_| ());
    let key = scene.cluster.tenant(GONE)?;
    let (metrics, raw) = scene.cluster.stores().await?;
    fill(scene, &key, "first", EVENTS).await?;
    counted(&metrics, &raw, EVENTS).await?;

    let refused = purge(scene, true).output()?;
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(says.contains("sendry tenants suspend gone"), "{says}");
    scene.cluster.settings("tenants", &["suspend", GONE])?;
    let ingest = *scene.cluster.ingests().first().context("no ingest")?;
    until(DEADLINE, "ingest to refuse it", async || {
        let (status, body) = post(&mut Client::new(ingest), &key, &event("suspended")).await?;
        ensure!(
            status == 503 && body.contains("\"suspended\""),
            "{status} {body}"
        );
        Ok(())
    })
    .await?;
    let found = look(scene)?;
    let names = found["queues"].as_array().context("no queues")?;
    ensure!(names.len() == 4, "two queues and their policies: {found}");
    let stored = found["rows"].as_u64().unwrap_or_default();
    ensure!(stored > 2 * EVENTS, "{found}");

    let full = left(&metrics, &raw).await?;
    let mut killed = purge(scene, true).spawn()?;
    until(DEADLINE, "the erasure to begin", async || {
        let left = left(&metrics, &raw).await?;
        ensure!(left < full || killed.try_wait()?.is_some(), "{left} rows");
        Ok(())
    })
    .await?;
    let _ = killed.kill();
    killed.wait()?;
    println!(
        "killed with {} of {full} rows left",
        left(&metrics, &raw).await?
    );
    let erased = purge(scene, true).output()?;
    let says = String::from_utf8_lossy(&erased.stderr).into_owned();
    // It may have come to its end before it was killed.
    ensure!(
        erased.status.success() || says.contains("there is no tenant"),
        "{says}"
    );
    ensure!(left(&metrics, &raw).await? == 0, "rows are left");
    let queues = scene.cluster.broker()?.queues().await?;
    let ours = queues.keys().find(|name| name.starts_with("sendry.gone."));
    ensure!(ours.is_none(), "{queues:?}");
    let again = purge(scene, false).output()?;
    ensure!(!again.status.success(), "{again:?}");

    // Made again, it knows nothing of its former life, also in workers that remember its names.
    let key = scene.cluster.tenant(GONE)?;
    fill(scene, &key, "second", 100).await?;
    counted(&metrics, &raw, 100).await
}

fn purge(scene: &Scene, yes: bool) -> Command {
    let mut command = Command::new(BINARY);
    let urls = &scene.urls;
    command.args(["tenants", "--postgres-url", &urls.postgres, "purge", GONE]);
    command.args(["--mongodb-url", &urls.mongodb, "--json"]);
    command.args(["--management-url", &urls.management, "--vhost", &urls.vhost]);
    if yes {
        command.args(["--yes", "--confirm", GONE]);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn look(scene: &Scene) -> anyhow::Result<Value> {
    let output = purge(scene, false).output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

async fn left(metrics: &PostgresStore, raw: &MongoStore) -> anyhow::Result<u64> {
    let gone = TenantId::new(GONE)?;
    let counts = MetricEraser::footprint(metrics, &gone).await?.total();
    Ok(counts + RawEventEraser::footprint(raw, &gone).await?.total())
}

fn event(id: &str) -> String {
    format!(
        r#"{{"eventId":"{id}","serviceName":"shop","endpoint":"/orders/:id","method":"GET","statusCode":200,"latencyMs":12.5}}"#
    )
}

async fn post(client: &mut Client, key: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let headers = [("x-api-key", key), ("content-type", "application/json")];
    let path = if body.starts_with("{\"events\"") {
        "/api/v1/events"
    } else {
        "/api/hit"
    };
    let answer = client.send("POST", path, &headers, body.to_owned().into());
    let answer = answer.await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Ok((answer.status, text))
}

/// Sends so many events, each with an id of its own; repeats what is refused until its queue is there.
async fn fill(scene: &Scene, key: &str, name: &str, events: u64) -> anyhow::Result<()> {
    let ingest = *scene.cluster.ingests().first().context("no ingest")?;
    let mut client = Client::new(ingest);
    let ids: Vec<u64> = (0..events).collect();
    for ids in ids.chunks(500) {
        let events: Vec<_> = ids.iter().map(|n| event(&format!("{name}-{n}"))).collect();
        let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
        until(DEADLINE, "events to be taken", async || {
            let (status, text) = post(&mut client, key, &body).await?;
            ensure!(status == 202, "{status} {text}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Waits until so many are counted and stored, and no more.
async fn counted(metrics: &PostgresStore, raw: &MongoStore, events: u64) -> anyhow::Result<()> {
    let gone = TenantId::new(GONE)?;
    until(DEADLINE, "events to be counted", async || {
        let tally = metrics.ledger(&gone).await?.tally;
        let ever = (UnixMillis(0), UnixMillis(i64::MAX / 2));
        let stored = RawEventStore::count(raw, &gone, ever.0, ever.1).await?;
        ensure!(
            tally.counted.unsigned_abs() == events && stored == events && tally.residual() == 0,
            "{tally:?}, {stored} stored"
        );
        Ok(())
    })
    .await
    .map(drop)
}
