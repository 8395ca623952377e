//! Servers for a group of scenes; for each scene a room of its own, processes, a load that journals, and the verdict.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, bail, ensure};
use sendry_domain::time::{HOUR, UnixMillis};
use sendry_servers::{postgres, rabbitmq};
use sendry_testkit::{
    cluster::{Cluster, Kind, Servers, Urls},
    journal::Journal,
    load::{self, Options, Stop, Targets, Tenant},
    oracle::{self, Verdict},
    proxy::Proxy,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

pub const BINARY: &str = env!("CARGO_BIN_EXE_sendry");
/// How long whatever waits may take to be counted once nothing is away any more.
const DRAIN: Duration = Duration::from_secs(60);
/// The tenants of every scene.
const TENANTS: [&str; 2] = ["acme", "other"];

/// The servers of a group.
pub struct Stage {
    servers: Servers,
    folder: TempDir,
    seed: u64,
}

impl Stage {
    /// With servers as they come.
    pub fn set() -> Self {
        Self::set_with(&postgres::Options::default())
    }

    /// With PostgreSQL as told.
    pub fn set_with(postgres: &postgres::Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rabbit = rabbitmq::Options::default();
        let servers = Servers::start_with(folder.path(), &rabbit, postgres).unwrap();
        Self {
            servers,
            folder,
            seed: seed(),
        }
    }

    /// Plays a scene and judges what it leaves. Fails with the seed and the ends of all logs.
    pub async fn scene(
        &mut self,
        name: &str,
        act: impl AsyncFnOnce(&mut Servers, &mut Scene) -> anyhow::Result<()>,
    ) {
        let began = Instant::now();
        let seed = self.seed;
        println!("{name}: SENDRY_SEED={seed}");
        let mut scene = Scene::set(&self.servers, self.folder.path(), name, seed)
            .await
            .unwrap();
        let set = began.elapsed();
        let played = async {
            act(&mut self.servers, &mut scene).await?;
            let played = began.elapsed();
            let verdict = scene.judge().await?;
            let took = began.elapsed();
            println!("{name}: {verdict} (set {set:.1?}, played {played:.1?}, judged {took:.1?})");
            ensure!(verdict.is_clean(), "the verdict is not clean: {verdict}");
            ensure!(verdict.confirmed > 0, "nothing was confirmed: {verdict}");
            (scene.want)(&verdict)?;
            scene.cluster.stop().context("at the end")?;
            scene.no_panics()
        };
        if let Err(error) = played.await {
            let logs = scene.cluster.logs();
            panic!("{name}, played with SENDRY_SEED={seed}: {error:#}\n{logs}");
        }
        println!("{name}: {:.1?} in all", began.elapsed());
    }
}

/// One room.
pub struct Scene {
    pub cluster: Cluster,
    pub urls: Urls,
    pub seed: u64,
    pub tenants: Vec<Tenant>,
    /// The present, as of the beginning.
    pub now: UnixMillis,
    /// Earliest time of any event.
    pub from: UnixMillis,
    /// What was sent beside the load.
    pub journal: Journal,
    /// Between processes and servers, until all is judged.
    pub links: Vec<Proxy>,
    /// What the verdict must say beside being clean.
    pub want: fn(&Verdict) -> anyhow::Result<()>,
    targets: Targets,
    stop: Stop,
    clients: JoinSet<anyhow::Result<Journal>>,
    folder: PathBuf,
}

impl Scene {
    async fn set(servers: &Servers, folder: &Path, name: &str, seed: u64) -> anyhow::Result<Self> {
        let urls = servers.room(name).await?;
        let folder = folder.join(name);
        let cluster = Cluster::new(Path::new(BINARY), &folder, &urls)?;
        let mut tenants = Vec::new();
        for name in TENANTS {
            tenants.push(Tenant {
                name: name.to_owned(),
                api_key: cluster.tenant(name)?,
            });
        }
        let now = now();
        Ok(Self {
            cluster,
            urls,
            seed,
            tenants,
            now,
            from: now.plus(-3 * HOUR),
            journal: Journal::default(),
            links: Vec::new(),
            want: |_| Ok(()),
            targets: Targets::default(),
            stop: Stop::default(),
            clients: JoinSet::new(),
            folder,
        })
    }

    /// Starts `worker0`…, `keeper`, `ingest0`…, each beside the servers themselves. Workers first: they declare the
    /// queues.
    pub fn cast(&mut self, ingests: usize, workers: usize) -> anyhow::Result<()> {
        let urls = self.urls.clone();
        for n in 0..workers {
            self.cluster
                .start(&format!("worker{n}"), Kind::Worker, &urls, &[])?;
        }
        self.cluster.start("keeper", Kind::Keeper, &urls, &[])?;
        for n in 0..ingests {
            self.cluster
                .start(&format!("ingest{n}"), Kind::Ingest, &urls, &[])?;
        }
        self.retarget();
        Ok(())
    }

    /// Tells the load where the ingests are now.
    pub fn retarget(&self) {
        self.targets.set(self.cluster.ingests());
    }

    /// Starts clients that send until the scene is judged.
    pub fn load(&mut self, count: u64, change: impl Fn(&mut Options)) {
        self.retarget();
        for client in 0..count {
            let mut options = Options::new(self.tenants.clone(), client, self.seed, self.now.0);
            options.events = 10;
            options.pause = Duration::from_millis(15);
            options.patience = DRAIN;
            change(&mut options);
            let (targets, stop) = (self.targets.clone(), self.stop.clone());
            self.clients
                .spawn(load::run(targets, options, stop, Journal::default()));
        }
    }

    /// Stops the load, and waits until it has got its answers and nothing waits any more.
    pub async fn rest(&mut self) -> anyhow::Result<()> {
        self.retarget();
        self.stop.stop();
        while let Some(journal) = self.clients.join_next().await {
            self.journal.merge(journal??);
        }
        let drained = self.cluster.drained(DRAIN).await?;
        println!("drained in {drained:.1?}");
        Ok(())
    }

    /// Compares what clients know with what the stores hold, once everything is at rest.
    async fn judge(&mut self) -> anyhow::Result<Verdict> {
        self.rest().await?;
        let (metrics, raw) = self.cluster.stores().await?;
        let to = self.now.plus(HOUR);
        oracle::judge(&metrics, &raw, &self.journal, self.from, to).await
    }

    fn no_panics(&self) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "log") {
                let text = std::fs::read_to_string(&path)?;
                // The MongoDB client may ask a pool that the end of the process has just closed.
                let panicked =
                    |line: &&str| line.contains("panicked") && !line.contains("/mongodb-");
                if let Some(line) = text.lines().find(panicked) {
                    bail!("{}: {line}", path.display());
                }
            }
        }
        Ok(())
    }
}

/// Looks until it is so; fails with what was seen last.
pub async fn until<T>(
    within: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(_) => return Ok(began.elapsed()),
            Err(error) if began.elapsed() > within => {
                return Err(error.context(format!("waited {within:?} for {what}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test run is played again by its seed"
)]
fn seed() -> u64 {
    let given = std::env::var("SENDRY_SEED").ok();
    given.map_or_else(rand::random, |text| text.parse().unwrap())
}

#[expect(
    clippy::disallowed_methods,
    reason = "event times must lie inside the real servers' window"
)]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixMillis(since.unwrap().as_millis() as i64)
}
