//! Processes that are killed at any moment, and processes that leave in order.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sendry_testkit::cluster::{Kind, Servers};
use serde_json::Value;
use tokio::time::sleep;

use crate::scene::{Scene, until};

/// An orderly stop: a pod is given 30 s.
const STOP: Duration = Duration::from_secs(25);
/// How long a process stands still.
const FROZEN: Duration = Duration::from_secs(8);
/// The broker lists a connection, for closing it, within.
const LISTED: Duration = Duration::from_secs(30);
/// Processes are killed for so long, and for longer until it were so many.
const KILLING: Duration = Duration::from_secs(15);
const KILLS: u32 = 8;
/// However slow the machine is.
const MOST: Duration = Duration::from_secs(90);

/// `kill -9` of any process at any moment, by the seed; now and then of all workers at once.
pub async fn random_kills(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    const ALL: [&str; 5] = ["ingest0", "ingest1", "worker0", "worker1", "keeper"];
    scene.cast(2, 2)?;
    scene.load(4, |options| {
        options.storms = 0.1;
        options.unnamed = 0.1;
    });
    let mut rng = StdRng::seed_from_u64(scene.seed);
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < KILLING || (kills < KILLS && began.elapsed() < MOST) {
        sleep(Duration::from_millis(rng.random_range(50..900))).await;
        let names = match rng.random_range(0..4) {
            0 => vec!["worker0", "worker1"],
            _ => vec![ALL[rng.random_range(0..ALL.len())]],
        };
        for name in &names {
            scene.cluster.member(name)?.kill()?;
            kills += 1;
        }
        scene.retarget();
        sleep(Duration::from_millis(rng.random_range(0..300))).await;
        for name in &names {
            scene.cluster.member(name)?.start()?;
        }
        scene.retarget();
    }
    println!("{kills} kills in {:.1?}", began.elapsed());
    ensure!(kills >= KILLS, "only {kills} kills");
    Ok(())
}

/// SIGTERM under load: nothing that was given to a worker is given to another.
///
/// Workers' own `sendry_worker_redelivered_total` may count a few: what was under way inside the broker to a consumer that
/// is just being cancelled never reaches it, goes back to the queue, and is marked there as delivered before. So the
/// broker is asked how often it gave messages to clients.
pub async fn orderly_stops(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    scene.cast(1, 2)?;
    scene.load(4, |_| {});
    for round in 1..=2 {
        sleep(Duration::from_secs(2)).await;
        for n in 0..2 {
            let old = format!("worker{}", (round - 1) * 2 + n);
            let took = scene.cluster.member(&old)?.stop()?;
            println!("a worker left in {took:.1?}");
            ensure!(took <= STOP, "an orderly stop took {took:?}");
        }
        let urls = scene.urls.clone();
        for n in 0..2 {
            let name = format!("worker{}", round * 2 + n);
            scene.cluster.start(&name, Kind::Worker, &urls, &[])?;
        }
    }
    sleep(Duration::from_secs(2)).await;
    scene.rest().await?;
    for tenant in ["acme", "other"] {
        let path = format!("/api/queues/{}/sendry.{tenant}.default", scene.urls.vhost);
        let answer = scene
            .cluster
            .broker()?
            .send("GET", &path, Bytes::new())
            .await?;
        let queue: Value = serde_json::from_slice(&answer)?;
        let count = |what: &str| queue["message_stats"][what].as_u64().unwrap_or(0);
        let (published, given) = (count("publish"), count("deliver"));
        println!(
            "{tenant}: {published} messages published, {given} given to workers, {} marked as given before",
            count("redeliver")
        );
        ensure!(published > 0 && given <= published, "some were given twice");
    }
    Ok(())
}

/// A worker and an ingest stand still for longer than anybody waits, and wake up: the broker has given the worker's
/// messages to the other by then.
pub async fn frozen(_: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    scene.cast(2, 2)?;
    scene.load(3, |_| {});
    sleep(Duration::from_secs(2)).await;
    scene.cluster.member("worker0")?.freeze();
    let broker = scene.cluster.broker()?;
    let path = format!("/api/vhosts/{}/connections", scene.urls.vhost);
    until(LISTED, "the broker to close all connections", async || {
        let answer = broker.send("GET", &path, Bytes::new()).await?;
        let all: Vec<Value> = serde_json::from_slice(&answer)?;
        ensure!(!all.is_empty(), "it tells of none");
        for connection in all {
            let name = connection["name"].as_str().unwrap_or_default();
            let name = name.replace(' ', "%20").replace('>', "%3E");
            // One that has just gone by itself is closed, too.
            let _ = broker.delete(&format!("/api/connections/{name}")).await;
        }
        Ok(())
    })
    .await?;
    sleep(FROZEN).await;
    let other = scene.cluster.member("worker1")?;
    let again = other.metric("sendry_worker_redelivered_total").await?;
    println!("the other worker has got {again} messages again");
    scene.cluster.member("worker0")?.thaw();
    scene.cluster.member("ingest0")?.freeze();
    sleep(FROZEN).await;
    scene.cluster.member("ingest0")?.thaw();
    sleep(Duration::from_secs(2)).await;
    Ok(())
}
