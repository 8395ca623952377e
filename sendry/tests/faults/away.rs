//! Each server and each service away in turn, held against what is promised of it. Nothing is ever dead-lettered because
//! something is away: the verdict on the whole scene says so.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use sendry_testkit::{
    client::Client,
    cluster::{Kind, Servers},
};
use tokio::time::sleep;

use crate::{
    probe::Probe,
    scene::{Scene, until},
};

/// How long something is away.
const AWAY: Duration = Duration::from_secs(4);
/// What has to be noticed is noticed within.
const NOTICED: Duration = Duration::from_secs(20);
/// What has come back is used again within.
const USED: Duration = Duration::from_secs(30);
/// Ingest accepts again within this after the broker answers; a quiet machine takes a few seconds of it, and the test
/// tells how many.
const ACCEPTS: Duration = Duration::from_secs(30);
/// How much ingest's memory may grow while nothing can be published.
const FLAT: u64 = 30 << 20;

/// SIGKILL and restart of the broker under load.
pub async fn broker_killed(servers: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let probe = begin(scene).await?;
    for round in 1..=2 {
        let ingest = scene.cluster.member("ingest0")?;
        let before = ingest.held_bytes()?;
        let killed = Instant::now();
        servers.rabbit.kill()?;
        until(NOTICED, "the breaker to open", async || {
            let ingest = scene.cluster.member("ingest0")?;
            let breaker = ingest.metric("sendry_ingest_breaker").await?;
            ensure!(breaker == 2.0, "sendry_ingest_breaker is {breaker}");
            Ok(())
        })
        .await?;
        let opened = Instant::now();
        sleep(AWAY).await;
        let ingest = scene.cluster.member("ingest0")?;
        let (_, page) = ingest.admin_page("/readyz?verbose").await?;
        ensure!(page.contains("breaker open"), "/readyz says {page}");
        let (status, _) = ingest.admin_page("/readyz").await?;
        ensure!(
            status == 200,
            "an open breaker makes ingest unready: {status}"
        );
        reads(scene, 200)
            .await
            .context("while the broker is away")?;
        flat(scene, before)?;
        probe.check(killed, &["202", "unavailable", "unknown"])?;
        let (count, p99) = probe.check(opened, &["unavailable"])?;
        println!("round {round}: {count} refusals by the open breaker, p99 {p99:.1} ms");

        servers.rabbit.restart()?;
        let answers = Instant::now();
        let took = until(ACCEPTS, "ingest to accept again", async || {
            probe.accepts_since(answers)
        })
        .await?;
        flat(scene, before)?;
        println!("round {round}: accepts {took:.1?} after the broker answers");
        workers_ready(scene).await?;
        sleep(Duration::from_secs(1)).await;
    }
    end(scene, probe).await
}

/// SIGKILL and restart of PostgreSQL under load.
pub async fn postgres_killed(servers: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let probe = begin(scene).await?;
    let killed = Instant::now();
    servers.postgres.kill()?;
    workers_wait(scene, "the metric store is away").await?;
    reads(scene, 503).await?;
    sleep(AWAY).await;
    something_waits(scene).await?;
    servers.postgres.restart()?;
    let (count, _) = probe.accepted(killed).context("keys are cached")?;
    println!("{count} accepted while PostgreSQL was away");
    workers_ready(scene).await?;
    reads(scene, 200).await?;
    end(scene, probe).await
}

/// SIGKILL and restart of the MongoDB server under load.
pub async fn mongodb_killed(servers: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let probe = begin(scene).await?;
    let killed = Instant::now();
    servers.mongo.kill()?;
    workers_wait(scene, "the raw store is away").await?;
    reads(scene, 200)
        .await
        .context("buckets are read without it")?;
    sleep(AWAY).await;
    something_waits(scene).await?;
    servers.mongo.restart()?;
    let (count, _) = probe.accepted(killed)?;
    println!("{count} accepted while the MongoDB server was away");
    workers_ready(scene).await?;
    end(scene, probe).await
}

/// Workers away, then analytics.
pub async fn services_away(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let probe = begin(scene).await?;
    let killed = Instant::now();
    for name in ["worker0", "worker1", "keeper"] {
        scene.cluster.member(name)?.kill()?;
    }
    something_waits(scene).await?;
    reads(scene, 200).await.context("without workers")?;
    sleep(Duration::from_secs(1)).await;
    for name in ["worker0", "worker1", "keeper"] {
        scene.cluster.member(name)?.start()?;
    }
    scene.cluster.member("analytics")?.kill()?;
    let before = messages(scene).await?;
    until(NOTICED, "counting without analytics", async || {
        let now = messages(scene).await?;
        ensure!(
            now > before + 5.0,
            "{before} messages were taken before, {now} now"
        );
        Ok(())
    })
    .await?;
    scene.cluster.member("analytics")?.start()?;
    reads(scene, 200).await?;
    let (count, _) = probe.accepted(killed)?;
    println!("{count} accepted without workers or analytics");
    end(scene, probe).await
}

/// PostgreSQL's disk is full, and has room again.
pub async fn postgres_full(servers: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let probe = begin(scene).await?;
    let killed = Instant::now();
    let ballast = servers.postgres.data().join("ballast");
    fill(&ballast)?;
    workers_wait(scene, "the metric store is away").await?;
    something_waits(scene).await?;
    std::fs::remove_file(&ballast)?;
    // Where the log could not be written it ends itself, and may not have been able to start again.
    if servers.postgres.query("postgres", "select 1").is_err() {
        println!("PostgreSQL did not survive its full disk by itself");
        servers.postgres.restart()?;
    }
    let (count, _) = probe.accepted(killed)?;
    println!("{count} accepted while PostgreSQL's disk was full");
    workers_ready(scene).await?;
    end(scene, probe).await
}

/// All room there is.
fn fill(path: &std::path::Path) -> anyhow::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(path)?;
    for size in [1 << 20, 4096, 512] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(())
}

pub async fn begin(scene: &mut Scene) -> anyhow::Result<Probe> {
    scene.cast(1, 2)?;
    let urls = scene.urls.clone();
    scene
        .cluster
        .start("analytics", Kind::Analytics, &urls, &[])?;
    scene.load(3, |_| {});
    let ingest = scene.cluster.member("ingest0")?.address()?;
    let probe = Probe::start(ingest, &scene.tenants[0], "probe", scene.now.0);
    // Ingest is ready, and answers honestly, before it has reached the broker.
    until(NOTICED, "ingest to accept", async || {
        probe.accepts_since(Instant::now() - Duration::from_millis(500))
    })
    .await?;
    let began = Instant::now();
    sleep(Duration::from_secs(2)).await;
    probe.accepted(began)?;
    Ok(probe)
}

pub async fn end(scene: &mut Scene, probe: Probe) -> anyhow::Result<()> {
    sleep(Duration::from_secs(1)).await;
    scene.journal.merge(probe.end().await?);
    Ok(())
}

/// What the API answers to a question of buckets.
async fn reads(scene: &mut Scene, want: u16) -> anyhow::Result<()> {
    let address = scene.cluster.member("analytics")?.address()?;
    until(NOTICED, "the API's answer", async || {
        let mut client = Client::new(address);
        let path = "/api/v1/summary?tenant=acme";
        let answer = client.send("GET", path, &[], Bytes::new()).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == want, "{} {text}", answer.status);
        Ok(())
    })
    .await?;
    Ok(())
}

/// Workers say that they hold what they have, and why.
async fn workers_wait(scene: &mut Scene, why: &str) -> anyhow::Result<()> {
    for name in ["worker0", "worker1"] {
        until(NOTICED, why, async || {
            let worker = scene.cluster.member(name)?;
            let (_, page) = worker.admin_page("/readyz?verbose").await?;
            ensure!(page.contains(why), "{name} says {page}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

pub async fn workers_ready(scene: &mut Scene) -> anyhow::Result<()> {
    for name in ["worker0", "worker1"] {
        until(USED, "a worker to be ready", async || {
            let worker = scene.cluster.member(name)?;
            let (status, page) = worker.admin_page("/readyz?verbose").await?;
            ensure!(status == 200, "{name} says {page}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn something_waits(scene: &Scene) -> anyhow::Result<()> {
    until(NOTICED, "the queue to buffer", async || {
        let queues = scene.cluster.broker()?.queues().await?;
        ensure!(queues["sendry.acme.default"] > 5, "{queues:?}");
        Ok(())
    })
    .await?;
    Ok(())
}

async fn messages(scene: &mut Scene) -> anyhow::Result<f64> {
    let mut all = 0.0;
    for name in ["worker0", "worker1"] {
        let worker = scene.cluster.member(name)?;
        all += worker.metric("sendry_worker_messages_total").await?;
    }
    Ok(all)
}

pub fn flat(scene: &mut Scene, before: u64) -> anyhow::Result<()> {
    let now = scene.cluster.member("ingest0")?.held_bytes()?;
    println!("ingest holds {} MiB, {} before", now >> 20, before >> 20);
    ensure!(
        now <= before + FLAT,
        "ingest holds {now} bytes, {before} before"
    );
    Ok(())
}
