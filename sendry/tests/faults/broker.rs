//! A broker that takes nothing for lack of disk or memory, and a queue that is full.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sendry_testkit::cluster::{Kind, Servers};
use tokio::time::sleep;

use crate::{
    away,
    probe::Probe,
    scene::{Scene, until},
};

/// Ingest has to notice within.
const NOTICED: Duration = Duration::from_secs(15);
/// Ingest accepts again within this after the alarm is over; a quiet machine takes a second of it, and the test tells how
/// long it was.
const ACCEPTS: Duration = Duration::from_secs(30);

/// While an alarm is on, the broker stops reading from who publishes; who consumes goes on.
pub async fn alarms(servers: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let probe = away::begin(scene).await?;
    for (setting, raise, clear) in [
        ("set_disk_free_limit", "100000GB", "50MB"),
        ("set_vm_memory_high_watermark", "0.000001", "0.4"),
    ] {
        let before = scene.cluster.member("ingest0")?.held_bytes()?;
        let raised = Instant::now();
        servers.rabbit.ctl(&[setting, raise])?;
        until(NOTICED, "ingest to refuse", async || {
            let last = probe.since(raised).pop().context("no answer yet")?;
            ensure!(last.status != 202, "it accepts");
            Ok(())
        })
        .await?;
        let refuses = Instant::now();
        until(NOTICED, "workers to go on draining", async || {
            let queues = scene.cluster.broker()?.queues().await?;
            ensure!(queues.values().all(|messages| *messages == 0), "{queues:?}");
            Ok(())
        })
        .await?;
        sleep(Duration::from_secs(2)).await;
        probe.check(raised, &["202", "unavailable", "unknown"])?;
        let (count, p99) = probe.check(refuses, &["unavailable", "unknown"])?;
        away::flat(scene, before)?;
        servers.rabbit.ctl(&[setting, clear])?;
        let cleared = Instant::now();
        let took = until(ACCEPTS, "ingest to accept again", async || {
            probe.accepts_since(cleared)
        })
        .await?;
        println!("{setting}: {count} refusals, p99 {p99:.1} ms; accepts after {took:.1?}");
    }
    away::end(scene, probe).await
}

/// A tenant whose workers are away fills its queue, and only its own.
pub async fn full_queue(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let urls = scene.urls.clone();
    let small = ["--backlog-bytes", "40000"];
    // Whoever declares queues says how large they may be. Each tenant has a worker of its own.
    let of = |tenant| [&small[..], &["--tenant", tenant, "--pipeline", "default"]].concat();
    for (name, kind, args) in [
        ("worker0", Kind::Worker, of("acme")),
        ("worker1", Kind::Worker, of("other")),
        ("keeper", Kind::Keeper, small.to_vec()),
    ] {
        scene.cluster.start(name, kind, &urls, &args)?;
    }
    scene.cast(1, 2)?;
    let ingest = scene.cluster.member("ingest0")?.address()?;
    let other = Probe::start(ingest, &scene.tenants[1], "probe", scene.now.0);
    until(NOTICED, "ingest to accept", async || {
        other.accepts_since(Instant::now() - Duration::from_millis(500))
    })
    .await?;
    let away_since = Instant::now();
    scene.cluster.member("worker0")?.kill()?;
    let acme = vec![scene.tenants[0].clone()];
    scene.load(3, |options| options.tenants = acme.clone());
    until(NOTICED, "the queue to be full", async || {
        let (_, page) = scene
            .cluster
            .member("ingest0")?
            .admin_page("/metrics")
            .await?;
        let requests = page
            .lines()
            .filter(|line| line.starts_with("sendry_ingest_requests_total"));
        let requests: Vec<&str> = requests.collect();
        let full = requests.iter().any(|line| line.contains("backlog_full"));
        ensure!(full, "{requests:?}");
        Ok(())
    })
    .await?;
    let full = Instant::now();
    while full.elapsed() < Duration::from_secs(3) {
        let ingest = scene.cluster.member("ingest0")?;
        let breaker = ingest.metric("sendry_ingest_breaker").await?;
        ensure!(
            breaker == 0.0,
            "a full queue moves the breaker to {breaker}"
        );
        sleep(Duration::from_millis(200)).await;
    }
    let (count, p99) = other.accepted(away_since)?;
    println!("{count} of the other tenant accepted meanwhile, p99 {p99:.1} ms");
    scene.cluster.member("worker0")?.start()?;
    away::end(scene, other).await
}
