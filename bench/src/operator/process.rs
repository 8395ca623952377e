//! The operator in a process of its own, so that its memory and its time of the processor are its alone.
//!
//! It is the real one, but that its broker may be one in its own memory, which then counts as its own. A line on standard
//! input asks for something, a line of JSON on standard output answers; at the end of the input it stops.

use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use sendry_crds::condition::{READY, find};
use sendry_operator::{
    assemble,
    context::SystemEntropy,
    metrics::OperatorMetrics,
    run::{Assemble, Duty, Operator, Parts, connect_cluster},
    settings::Settings,
    topology::{self, Topology},
    watch::Ours,
};
use sendry_queue::{
    adapters::rabbitmq_management::RabbitManagement,
    fake::FakeDepths,
    topology::{TopologyBroker, fake::FakeBroker},
};
use sendry_runtime::{
    clock::SystemClock,
    health::Health,
    metrics::{Metrics, MetricsBuilder},
    telemetry::{self, LogFormat},
};
use sendry_store::adapters::postgres::{PostgresOptions, PostgresStore};
use serde_json::{Value, json};

use super::{
    cluster::Cluster,
    waves::{self, Size},
};

/// Where its world is.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The API server
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// The store of settings
    #[arg(long)]
    pub postgres_url: String,
    /// Which tenants are its own; also its mark on the broker
    #[arg(long)]
    pub filter: String,
    /// RabbitMQ's management API; without it the broker is in memory
    #[arg(long)]
    pub management_url: Option<String>,
    /// The virtual host
    #[arg(long, default_value = "/")]
    pub vhost: String,
    /// Whose queues fill and empty
    #[command(flatten)]
    pub size: Size,
}

impl Args {
    /// The broker in memory, and no queue in it that anything waits in.
    pub fn new(cluster: &Cluster, postgres_url: &str, filter: &str) -> Self {
        Self {
            kubeconfig: cluster.0.clone(),
            postgres_url: postgres_url.to_owned(),
            filter: filter.to_owned(),
            management_url: None,
            vhost: filter.to_owned(),
            size: Size {
                tenants: 0,
                each: 0,
            },
        }
    }
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    telemetry::init(LogFormat::Json, "info")?;
    let settings = Settings {
        owner: args.filter.clone(),
        watch_filter: Some(args.filter.clone()),
        ..Settings::default()
    }
    .checked()?;
    let mut metrics = MetricsBuilder::new();
    let counters = OperatorMetrics::register(metrics.registry());
    let memory = Arc::new(FakeBroker::new());
    let broker: Arc<dyn TopologyBroker> = match &args.management_url {
        Some(url) => Arc::new(RabbitManagement::new(url, &args.vhost)?),
        None => memory.clone(),
    };
    let how = topology::Settings {
        owner: settings.owner.clone(),
        interval: settings.topology,
    };
    let (term, depths) = (Arc::new(Mutex::new(None)), Arc::new(FakeDepths::new()));
    let parts = Parts {
        client: connect_cluster(Some(&args.kubeconfig)).await?,
        store: Arc::new(PostgresStore::connect(PostgresOptions::new(&args.postgres_url)).await?),
        topology: Topology::new(broker, how, SystemClock::shared(), counters.clone()),
        depths: depths.clone(),
        clock: SystemClock::shared(),
        entropy: Arc::new(SystemEntropy),
        assemble: remembering(term.clone()),
        metrics: counters,
        health: Health::new(),
    };
    let operator = Operator::start(parts, settings);
    let asked = Asked {
        term,
        metrics: metrics.build(),
        broker: memory,
    };
    let answers = move || answer_all(|line| asked.answer(line));
    tokio::select! {
        ended = tokio::task::spawn_blocking(answers) => ended??,
        failed = waves::run(args.size, depths, SystemClock::shared()) => failed?,
    }
    operator.stop().await;
    Ok(())
}

/// What does the work of a term, and a way to look into it.
fn remembering(term: Arc<Mutex<Option<Duty>>>) -> Assemble {
    let assemble = assemble::assemble();
    Arc::new(move |duty: &Duty| {
        *term.lock().unwrap_or_else(PoisonError::into_inner) = Some(duty.clone());
        assemble(duty)
    })
}

struct Asked {
    term: Arc<Mutex<Option<Duty>>>,
    metrics: Metrics,
    broker: Arc<FakeBroker>,
}

/// Answers a line after the other, until the end of the input.
fn answer_all(answer: impl Fn(&str) -> anyhow::Result<Value>) -> anyhow::Result<()> {
    for line in std::io::stdin().lines() {
        let answer = answer(&line?)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

impl Asked {
    fn answer(&self, line: &str) -> anyhow::Result<Value> {
        match line {
            "state" => self.state(),
            "resync" => Ok(self.resync()),
            other => anyhow::bail!("`{other}` is nothing that can be asked for"),
        }
    }

    fn duty(&self) -> Option<Duty> {
        let term = self.term.lock().unwrap_or_else(PoisonError::into_inner);
        term.clone()
    }

    /// Every tenant is to be looked at, now.
    fn resync(&self) -> Value {
        let Some(duty) = self.duty() else {
            return json!(0);
        };
        let names = duty.tenants.names();
        names.iter().for_each(|name| duty.queue.resync(name));
        json!(names.len())
    }

    fn state(&self) -> anyhow::Result<Value> {
        let text = self.metrics.encode()?;
        let of = |metric: &str| samples(&text, metric);
        let mut state = json!({
            "passes": of("sendry_operator_reconcile_seconds_count").values().sum::<u64>(),
            "results": of("sendry_operator_reconciles_total"),
            "writes": of("sendry_operator_writes_total"),
            "drift": of("sendry_drift_repairs_total"),
            "brokerReads": self.broker.reads(),
            "brokerWrites": self.broker.writes(),
        });
        for (name, value) in scaling(&text) {
            state[name] = value;
        }
        if let Some(duty) = self.duty() {
            let (tenants, depths) = (duty.tenants.all(), duty.queue.depths());
            let ready = tenants.iter().filter(|tenant| {
                let status = tenant.status.as_ref();
                let said = status.and_then(|status| find(&status.conditions, READY));
                said.is_some_and(|said| {
                    said.status == "True" && said.observed_generation == tenant.metadata.generation
                })
            });
            state["ready"] = json!(ready.count());
            state["tenants"] = json!(tenants.len());
            state["waiting"] = json!(depths.change + depths.resync + depths.working);
            state["later"] = json!(depths.later);
            let depths = duty.pipeline_queue.depths();
            let waiting = depths.change + depths.resync + depths.working;
            state["pipelinesWaiting"] = json!(waiting);
            let keys = duty.pipelines.keys(&Ours {
                filter: None,
                tenants: duty.tenants.clone(),
            });
            let ready = keys.iter().filter(|key| {
                let pipeline = duty.pipelines.get(key);
                let status = pipeline.as_ref().and_then(|p| p.status.as_ref());
                let said = status.and_then(|status| find(&status.conditions, READY));
                said.is_some_and(|said| said.status == "True")
            });
            state["pipelinesReady"] = json!(ready.count());
        }
        Ok(state)
    }
}

/// How the autoscaler does.
fn scaling(text: &str) -> [(&'static str, Value); 9] {
    let of = |metric: &str| samples(text, &format!("sendry_scale_{metric}"));
    let count = |metric: &str| -> u64 { of(metric).values().sum() };
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
    [
        ("ticks", json!(count("tick_seconds_count"))),
        ("tickUs", json!(micros("tick"))),
        ("lookUs", json!(micros("look"))),
        (
            "ticksOver1s",
            json!(count("tick_seconds_count") - within("tick", "1.0")),
        ),
        ("writesIn100ms", json!(within("write", "0.1"))),
        ("writesIn1s", json!(within("write", "1.0"))),
        ("writesAll", json!(count("write_seconds_count"))),
        ("decisions", json!(of("decisions_total"))),
        ("scales", json!(of("writes_total"))),
    ]
}

/// A metric's samples by their labels.
fn samples(text: &str, metric: &str) -> BTreeMap<String, u64> {
    let sample = |line: &str| {
        let (labels, value) = line.strip_prefix(metric)?.rsplit_once(' ')?;
        let values = labels.split('"').skip(1).step_by(2);
        let name = values.collect::<Vec<_>>().join(" ");
        Some((name, value.parse().ok()?))
    };
    text.lines().filter_map(sample).collect()
}

/// Another process like this one, with these arguments.
pub fn command(args: &Args) -> anyhow::Result<std::process::Command> {
    let program = std::env::current_exe().context("failed to find this very program")?;
    let mut command = std::process::Command::new(program);
    command
        .arg("operator-process")
        .arg("--kubeconfig")
        .arg(&args.kubeconfig)
        .args(["--postgres-url", &args.postgres_url])
        .args(["--filter", &args.filter])
        .args(["--vhost", &args.vhost])
        .args(["--scaled", &args.size.tenants.to_string()])
        .args(["--pipelines", &args.size.each.to_string()]);
    if let Some(url) = &args.management_url {
        command.args(["--management-url", url]);
    }
    Ok(command)
}
