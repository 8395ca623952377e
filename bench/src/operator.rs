//! The operator beside hundreds of tenants: a real API server, a real PostgreSQL, both of this run alone; the broker in
//! the operator's memory, and then, for fewer tenants, a real RabbitMQ.

mod child;
mod cluster;
mod crews;
mod drift;
pub mod process;
mod scaling;
mod waves;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use sendry_servers::{kube::Kube, postgres::Postgres, rabbitmq::RabbitMq};
use sendry_store::{
    ControlStore,
    adapters::postgres::{PostgresOptions, PostgresStore},
};
use sendry_testkit::cluster::{Broker, Urls};

use crate::report;
use child::OperatorProcess;
use cluster::Cluster;

/// How many, and for how long.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Tenants, with the broker in memory
    #[arg(long, default_value_t = 500)]
    tenants: usize,
    /// Tenants on a real RabbitMQ; 0 = none
    #[arg(long, default_value_t = 20)]
    real: usize,
    /// Of the tenants with the broker in memory, how many are deleted at once
    #[arg(long, default_value_t = 50)]
    deleted: usize,
    /// Tenants whose pipelines are scaled in one loop; 0 = none
    #[arg(long, default_value_t = 500)]
    scaled: usize,
    /// Pipelines of each of those
    #[arg(long, default_value_t = 2)]
    pipelines: usize,
    /// Queues that a real RabbitMQ is asked about at once; 0 = none
    #[arg(long, default_value_t = 1_000)]
    queues: usize,
    /// Seconds of rest, and of scaling, that are looked at
    #[arg(long, default_value_t = 60)]
    rest: u64,
}

/// What is waited for at most, before it is given up: far beyond what is to be reached.
const PATIENCE: Duration = Duration::from_secs(900);
/// Without a pass for so long, everything is at rest.
const QUIET: Duration = Duration::from_secs(3);
/// The tenants of each part, and the operator that cares for them.
const MANY: &str = "many";
const REAL: &str = "real";
const SCALED: &str = "scaled";

struct Bench {
    args: Args,
    folder: PathBuf,
    cluster: Cluster,
    postgres: Postgres,
    // Dropped last.
    kube: Kube,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let kube = Kube::start(folder.path(), &Default::default())?;
    let bench = Bench {
        args,
        folder: folder.path().to_owned(),
        cluster: Cluster(kube.kubeconfig()),
        postgres: Postgres::start(folder.path(), &Default::default())?,
        kube,
    };
    bench.cluster.prepare().await?;
    report::title(&format!(
        "The operator, {} (`cargo xtask bench operator --tenants {} --real {} --queues {} --scaled {}`)",
        if cfg!(debug_assertions) {
            "a debug build"
        } else {
            "a release build"
        },
        args.tenants,
        args.real,
        args.queues,
        args.scaled,
    ));
    if args.tenants > 0 {
        bench.many().await?;
    }
    if args.real > 0 {
        bench.real().await?;
    }
    if args.queues > 0 {
        let rabbit = RabbitMq::start(&bench.folder, &Default::default())?;
        scaling::real_broker(&rabbit.url(), args.queues).await?;
    }
    if args.scaled > 0 {
        // Last, for it takes the controllers away.
        bench.scaling().await?;
    }
    Ok(())
}

impl Bench {
    async fn many(&self) -> anyhow::Result<()> {
        let names = names(MANY, self.args.tenants);
        self.cluster.make(MANY, &names).await?;
        let (store, url) = self.store(MANY).await?;
        let mut operator = self.start(MANY, url, None)?;
        self.cold(&mut operator).await?;
        self.resync(&mut operator).await?;
        self.amid_a_resync(&mut operator).await?;
        self.rest(&mut operator, &store).await?;
        self.deletion(&names, &store).await?;
        operator.stop()
    }

    /// Tenants are there before the operator is.
    async fn cold(&self, operator: &mut OperatorProcess) -> anyhow::Result<()> {
        let (began, count) = (Instant::now(), self.args.tenants as u64);
        let all = operator.until("all tenants to be Ready", PATIENCE, |state| {
            state.count("ready") == count
        });
        all.await?;
        let took = began.elapsed();
        ensure!(
            self.cluster.ready(MANY).await? == self.args.tenants,
            "kubectl sees it otherwise"
        );
        report::figure(
            &format!("{count} tenants from cold to Ready"),
            seconds(took),
            "≤ 300 s",
        );
        let state = quiet(operator).await?;
        report::figure("passes for it", state.count("passes"), "");
        report::figure("how they ended", list(&state.by("results")), "");
        report::figure("Kubernetes writes for it", list(&state.by("writes")), "");
        report::figure(
            "broker reads and writes for it",
            format!(
                "{}, {}",
                state.count("brokerReads"),
                state.count("brokerWrites")
            ),
            "",
        );
        let cpu = operator.cpu_seconds()?;
        report::figure("CPU of the operator for it", format!("{cpu:.1} s"), "");
        Ok(())
    }

    /// All names at once.
    async fn resync(&self, operator: &mut OperatorProcess) -> anyhow::Result<()> {
        let (before, cpu) = (operator.state()?, operator.cpu_seconds()?);
        let began = Instant::now();
        let queued = operator.resync()?;
        let after = idle(operator).await?;
        let took = began.elapsed();
        let passes = after.count("passes") - before.count("passes");
        ensure!(passes >= queued, "{passes} passes for {queued} tenants");
        report::figure(
            &format!("full resync, {passes} passes"),
            seconds(took),
            "≤ 10 s",
        );
        let cpu = operator.cpu_seconds()? - cpu;
        report::figure("CPU of the operator for it", format!("{cpu:.1} s"), "");
        let written = after.since(&before, "writes");
        report::figure("Kubernetes writes in it", list(&written), "0");
        Ok(())
    }

    /// A tenant comes while all are looked at, again and again until it is Ready.
    async fn amid_a_resync(&self, operator: &mut OperatorProcess) -> anyhow::Result<()> {
        let count = self.args.tenants as u64 + 1;
        operator.resync()?;
        let cluster = self.cluster.clone();
        let began = Instant::now();
        let made = tokio::spawn(async move { cluster.make(MANY, &["late".to_owned()]).await });
        loop {
            let state = operator.state()?;
            if state.count("ready") == count {
                break;
            }
            if state.count("waiting") < count / 2 {
                operator.resync()?;
            }
            ensure!(began.elapsed() < PATIENCE, "the late tenant is not Ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = began.elapsed();
        made.await??;
        report::figure(
            "a tenant applied amid full resyncs, to Ready",
            seconds(took),
            "≤ 10 s",
        );
        Ok(())
    }

    async fn rest(
        &self,
        operator: &mut OperatorProcess,
        store: &PostgresStore,
    ) -> anyhow::Result<()> {
        let before = quiet(operator).await?;
        let (version, cpu) = (store.version().await?, operator.cpu_seconds()?);
        let time = Duration::from_secs(self.args.rest);
        let began = Instant::now();
        tokio::time::sleep(time).await;
        let (took, used) = (began.elapsed(), operator.cpu_seconds()? - cpu);
        let after = operator.state()?;
        report::figure(
            &format!(
                "Kubernetes writes at rest, {} s, but for the lease's",
                time.as_secs()
            ),
            list(&after.since(&before, "writes")),
            "0",
        );
        let broker = after.count("brokerWrites") - before.count("brokerWrites");
        report::figure("broker writes at rest", broker, "0");
        report::figure(
            "changes of the settings at rest",
            store.version().await? - version,
            "0",
        );
        let looks = after.count("passes") - before.count("passes");
        report::figure("passes at rest (every tenant once in 10 min)", looks, "");
        report::figure(
            "CPU of the operator at rest",
            format!("{:.2} % of a core", used / took.as_secs_f64() * 100.0),
            "< 2 %",
        );
        let (now, most) = operator.resident_mib()?;
        report::figure(
            "resident memory of the operator at rest; at most so far",
            format!("{now:.0} MiB; {most:.0} MiB"),
            "≤ 150 MiB",
        );
        Ok(())
    }

    async fn deletion(&self, names: &[String], store: &PostgresStore) -> anyhow::Result<()> {
        let names = &names[..self.args.deleted.min(names.len())];
        let (tenants, all) = self.cluster.delete(names, PATIENCE).await?;
        report::figure(
            &format!(
                "{} tenants deleted at once with their namespaces: no tenant left",
                names.len()
            ),
            seconds(tenants),
            "≤ 120 s",
        );
        report::figure("and no namespace", seconds(all), "≤ 120 s");
        let snapshot = store.snapshot().await?;
        let of_them = |id: &str| names.iter().any(|name| name == id);
        let kept = snapshot.tenants.iter().filter(|t| of_them(t.id.as_str()));
        let keys = snapshot.keys.iter().filter(|k| of_them(k.tenant.as_str()));
        let valid = keys.filter(|k| k.revoked_at.is_none());
        report::figure(
            "of them kept in the settings: tenants, keys not revoked",
            format!("{}, {}", kept.count(), valid.count()),
            &format!("{}, {}", names.len(), names.len()),
        );
        Ok(())
    }

    async fn real(&self) -> anyhow::Result<()> {
        let rabbit = RabbitMq::start(&self.folder, &Default::default())?;
        let urls = Urls {
            queue: rabbit.url(),
            management: rabbit.management_url(),
            vhost: REAL.to_owned(),
            postgres: String::new(),
            mongodb: String::new(),
        };
        let http = Broker::of(&urls)?;
        http.make_vhost().await?;
        let (_, postgres) = self.store(REAL).await?;
        let names = names(REAL, self.args.real);
        self.cluster.make(REAL, &names).await?;
        let mut operator = self.start(REAL, postgres, Some(urls.management.clone()))?;
        let (began, count) = (Instant::now(), names.len() as u64);
        let all = operator.until("all tenants to be Ready", PATIENCE, |state| {
            state.count("ready") == count
        });
        all.await?;
        report::figure(
            &format!("{count} tenants on a real RabbitMQ, from cold to Ready"),
            seconds(began.elapsed()),
            "",
        );
        let before = quiet(&mut operator).await?;
        let took = drift::heals(&urls.management, (REAL, REAL), &http, PATIENCE / 6).await?;
        report::figure(
            &format!(
                "{} kinds of drift on it at once, until healed",
                drift::KINDS
            ),
            seconds(took),
            "≤ 60 s",
        );
        let after = quiet(&mut operator).await?;
        report::figure(
            "repairs that were told",
            list(&after.since(&before, "drift")),
            "",
        );
        ensure!(
            self.cluster.ready(REAL).await? == names.len(),
            "not all are Ready any more"
        );
        operator.stop()
    }

    async fn scaling(&self) -> anyhow::Result<()> {
        let (_, url) = self.store(SCALED).await?;
        let size = waves::Size {
            tenants: self.args.scaled,
            each: self.args.pipelines,
        };
        let rest = Duration::from_secs(self.args.rest);
        scaling::measure(
            &self.kube,
            &self.cluster,
            &self.postgres,
            (SCALED, &url),
            &self.folder,
            (size, rest),
        )
        .await
    }

    /// A database of its own.
    async fn store(&self, name: &str) -> anyhow::Result<(PostgresStore, String)> {
        self.postgres
            .query("postgres", &format!("CREATE DATABASE {name}"))?;
        let url = self.postgres.url();
        let server = url
            .strip_suffix("/postgres")
            .context("another form of address")?;
        let url = format!("{server}/{name}");
        let options = PostgresOptions::new(&url);
        PostgresStore::migrate(&options).await?;
        Ok((PostgresStore::connect(options).await?, url))
    }

    fn start(
        &self,
        filter: &str,
        postgres_url: String,
        management_url: Option<String>,
    ) -> anyhow::Result<OperatorProcess> {
        let args = process::Args {
            management_url,
            ..process::Args::new(&self.cluster, &postgres_url, filter)
        };
        OperatorProcess::start(process::command(&args)?, filter, &self.folder)
    }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:04}")).collect()
}

/// Nothing waits for a pass.
async fn idle(operator: &mut OperatorProcess) -> anyhow::Result<child::State> {
    operator
        .until("nothing to wait for a pass", PATIENCE, |state| {
            state.count("waiting") + state.count("pipelinesWaiting") == 0
        })
        .await
}

/// Nothing has waited for a pass for a while.
async fn quiet(operator: &mut OperatorProcess) -> anyhow::Result<child::State> {
    let began = Instant::now();
    let mut last = (idle(operator).await?.count("passes"), Instant::now());
    loop {
        let state = idle(operator).await?;
        if state.count("passes") != last.0 {
            last = (state.count("passes"), Instant::now());
        }
        if last.1.elapsed() >= QUIET {
            return Ok(state);
        }
        ensure!(began.elapsed() < PATIENCE, "passes do not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn list(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "0".to_owned();
    }
    let each = counts.iter().map(|(name, count)| format!("{count} {name}"));
    each.collect::<Vec<_>>().join(", ")
}
