//! Links that are reset and links in which everything disappears for a while.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sendry_testkit::{
    cluster::{Kind, Servers, Urls},
    proxy::Proxy,
};
use tokio::time::sleep;

use crate::{
    away,
    probe::Probe,
    scene::{Scene, until},
};

/// How long a link is a black hole: longer than any call's own patience.
const HOLE: Duration = Duration::from_secs(6);
/// What has come back is used again within.
const USED: Duration = Duration::from_secs(30);

pub async fn broken_links(servers: &mut Servers, scene: &mut Scene) -> anyhow::Result<()> {
    let to = |port: u16| Proxy::start(SocketAddr::from(([127, 0, 0, 1], port)));
    let ingest_broker = to(servers.rabbit.port()).await?;
    let worker_broker = to(servers.rabbit.port()).await?;
    let worker_postgres = to(servers.postgres.port()).await?;
    let worker_mongodb = to(servers.mongo.port()).await?;
    let direct = scene.urls.clone();
    let of_worker = Urls {
        queue: worker_broker.through(&direct.queue),
        postgres: worker_postgres.through(&direct.postgres),
        mongodb: worker_mongodb.through(&direct.mongodb),
        ..direct.clone()
    };
    let of_ingest = Urls {
        queue: ingest_broker.through(&direct.queue),
        ..direct
    };
    for name in ["worker0", "worker1"] {
        scene.cluster.start(name, Kind::Worker, &of_worker, &[])?;
    }
    scene
        .cluster
        .start("ingest0", Kind::Ingest, &of_ingest, &[])?;
    scene.cast(1, 2)?;
    scene.load(3, |_| {});
    let ingest = scene.cluster.member("ingest0")?.address()?;
    let probe = Probe::start(ingest, &scene.tenants[0], "probe", scene.now.0);
    for (name, link) in [
        ("ingest–broker", &ingest_broker),
        ("worker–broker", &worker_broker),
        ("worker–PostgreSQL", &worker_postgres),
        ("worker–MongoDB", &worker_mongodb),
    ] {
        for _ in 0..4 {
            sleep(Duration::from_millis(400)).await;
            link.cut();
        }
        sleep(Duration::from_millis(400)).await;
        link.black_hole(true);
        sleep(HOLE).await;
        link.resume();
        let whole = Instant::now();
        let took = until(USED, "ingest to accept again", async || {
            probe.accepts_since(whole)
        })
        .await?;
        away::workers_ready(scene).await?;
        println!(
            "{name}: accepts {took:.1?}, all ready {:.1?} after it is whole",
            whole.elapsed()
        );
    }
    scene.links = vec![
        ingest_broker,
        worker_broker,
        worker_postgres,
        worker_mongodb,
    ];
    away::end(scene, probe).await
}
