//! The autoscaler in a process of its own. A line on standard input asks how it stands; at the end of the input it stops.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use sendry_crds::SendryPipeline;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_operator::{
    autoscaler::{self, Fleet, Followed, Workers},
    context::{Context, SystemEntropy},
    events::Events,
    gate::gated,
    leader::Leadership,
    metrics::OperatorMetrics,
    run::connect_cluster,
    settings::Settings,
    topology::{self, Topology},
};
use sendry_queue::{fake::FakeDepths, topology::fake::FakeBroker};
use sendry_runtime::{
    clock::{Clock, SystemClock},
    metrics::{Metrics, MetricsBuilder},
    telemetry::{self, LogFormat},
};
use sendry_servers::kube::ctl;
use sendry_store::{
    OperatorStore,
    adapters::postgres::{PostgresOptions, PostgresStore},
};
use serde_json::{Value, json};

use super::{NAMESPACE, name};
use crate::operator::process::{answer_all, samples};

/// Where its world is, and how large.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The API server
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// The store with the workers' beats
    #[arg(long)]
    pub postgres_url: String,
    /// Tenants
    #[arg(long)]
    pub tenants: usize,
    /// Pipelines of each
    #[arg(long)]
    pub each: usize,
}

/// Another process like this one, with these arguments.
pub fn command(args: &Args) -> anyhow::Result<std::process::Command> {
    let program = std::env::current_exe().context("failed to find this very program")?;
    let mut command = std::process::Command::new(program);
    command
        .arg("scaling-process")
        .arg("--kubeconfig")
        .arg(&args.kubeconfig)
        .args(["--postgres-url", &args.postgres_url])
        .args(["--tenants", &args.tenants.to_string()])
        .args(["--each", &args.each.to_string()]);
    Ok(command)
}

/// All pipelines, as the cluster showed them a moment ago.
#[derive(Default)]
struct All(Mutex<Vec<Followed>>);

impl Fleet for All {
    fn followed(&self) -> Vec<Followed> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl All {
    fn read(&self, args: &Args) -> anyhow::Result<()> {
        let get = ["get", "spl", "--namespace", NAMESPACE, "-o", "json"];
        let mut list: Value = serde_json::from_str(&ctl(&args.kubeconfig, &get, None)?)?;
        let pipelines: Vec<SendryPipeline> = serde_json::from_value(list["items"].take())?;
        let followed = pipelines.into_iter().enumerate().map(|(number, pipeline)| {
            Ok(Followed {
                tenant: tenant(number, args)?,
                pipeline: Arc::new(pipeline),
                max_workers: Some(30),
                draining: false,
                kept: false,
                workers: Some(Workers {
                    deployment: format!("w-{}", name(number)),
                    wanted: 1,
                    there: 1,
                    ready: 1,
                }),
            })
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            followed.collect::<anyhow::Result<_>>()?;
        Ok(())
    }

    /// What the Deployments ask for, as a watch would show it.
    fn look(&self, kubeconfig: &Path) -> anyhow::Result<()> {
        let columns = "custom-columns=:.metadata.name,:.spec.replicas";
        let get = [
            "get",
            "deployments",
            "--namespace",
            "sendry-system",
            "-o",
            columns,
        ];
        let table = ctl(kubeconfig, &get, None)?;
        let wanted: HashMap<&str, u32> = table
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?, words.next()?.parse().ok()?))
            })
            .collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for workers in all
            .iter_mut()
            .filter_map(|followed| followed.workers.as_mut())
        {
            if let Some(wanted) = wanted.get(workers.deployment.as_str()) {
                (workers.wanted, workers.there, workers.ready) = (*wanted, *wanted, *wanted);
            }
        }
        Ok(())
    }
}

fn tenant(number: usize, args: &Args) -> anyhow::Result<TenantId> {
    Ok(TenantId::new(&format!("t-{:04}", number / args.each))?)
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    telemetry::init(LogFormat::Json, "info")?;
    let mut builder = MetricsBuilder::new();
    let counters = OperatorMetrics::register(builder.registry());
    let clock = SystemClock::shared();
    // Nobody else leads.
    let term = Leadership::begin(
        clock.clone(),
        Duration::from_secs(86_400),
        clock.monotonic_ms(),
        clock.now_ms(),
    );
    let client = connect_cluster(Some(&args.kubeconfig)).await?;
    let client = gated(&client, term, counters.clone());
    let store = PostgresStore::connect(PostgresOptions::new(&args.postgres_url)).await?;
    let (depths, fleet) = (Arc::new(FakeDepths::new()), Arc::new(All::default()));
    fleet.read(&args)?;
    let how = topology::Settings {
        owner: "bench".to_owned(),
        interval: Duration::from_secs(3_600),
    };
    let broker = Arc::new(FakeBroker::new());
    let settings = Settings::default();
    let cx = Context {
        client: client.clone(),
        epoch: store.claim_epoch().await?,
        store: Arc::new(store),
        topology: Topology::new(broker, how, clock.clone(), counters.clone()),
        depths: depths.clone(),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        events: Events::cluster(client, &settings.identity, counters.clone()),
        settings: Arc::new(settings),
    };
    let (metrics, scaling) = (builder.build(), counters.scaling);
    let asked = tokio::task::spawn_blocking(move || answer_all(|line| answer(&metrics, line)));
    tokio::select! {
        () = autoscaler::run(cx, fleet.clone(), scaling) => {}
        ended = waves(&args, &depths, &fleet, clock) => ended?,
        asked = asked => asked??,
    }
    Ok(())
}

/// What waits in each queue comes and goes: for a minute in ten there is a lot, in each at another time.
async fn waves(
    args: &Args,
    depths: &FakeDepths,
    fleet: &Arc<All>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let mut queues = Vec::new();
    for number in 0..args.tenants * args.each {
        let pipeline = PipelineName::new(&name(number))?;
        queues.push(QueueName::Pipeline(tenant(number, args)?, pipeline));
    }
    let mut every = tokio::time::interval(Duration::from_secs(2));
    loop {
        every.tick().await;
        let second = usize::try_from(clock.monotonic_ms() / 1_000)?;
        for (number, queue) in queues.iter().enumerate() {
            let high = (second + number * 7) % 600 < 60;
            let ready = if high { 20_000 } else { 2 };
            depths.set(queue.clone(), ready, 4);
        }
        let (fleet, kubeconfig) = (fleet.clone(), args.kubeconfig.clone());
        tokio::task::spawn_blocking(move || fleet.look(&kubeconfig)).await??;
    }
}

fn answer(metrics: &Metrics, line: &str) -> anyhow::Result<Value> {
    anyhow::ensure!(line == "state", "`{line}` is nothing that can be asked for");
    let text = metrics.encode()?;
    let of = |metric: &str| samples(&text, metric);
    let count = |metric: &str| -> u64 { of(&format!("sendry_scale_{metric}")).values().sum() };
    let within =
        |metric: &str, bound: &str| count(&format!("{metric}_seconds_bucket{{le=\"{bound}\"}}"));
    // Sums are no whole numbers.
    let micros = |metric: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("sendry_scale_{metric}_seconds_sum ")));
        let seconds: f64 = line.and_then(|sum| sum.parse().ok()).unwrap_or_default();
        (seconds * 1e6) as u64
    };
    Ok(json!({
        "ticks": count("tick_seconds_count"),
        "tickUs": micros("tick"),
        "lookUs": micros("look"),
        "ticksOver1s": count("tick_seconds_count") - within("tick", "1.0"),
        "writesIn100ms": within("write", "0.1"),
        "writesIn1s": within("write", "1.0"),
        "writesAll": count("write_seconds_count"),
        "decisions": of("sendry_scale_decisions_total"),
        "scales": of("sendry_scale_writes_total"),
        "writes": of("sendry_operator_writes_total"),
    }))
}
