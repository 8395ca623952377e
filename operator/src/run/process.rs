//! The separate process, `sendry-operator run`.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use sendry_queue::adapters::{
    amqp::{AmqpDepths, AmqpOptions},
    rabbitmq_management::RabbitManagement,
};
use sendry_runtime::{clock::SystemClock, metrics::MetricsBuilder, process::Process};
use sendry_store::adapters::postgres::{OpenError, PostgresOptions, PostgresStore};
use uuid::Uuid;

use super::{Assemble, Operator, OperatorArgs, Parts, vhost::Vhost};
use crate::{
    context::SystemEntropy,
    metrics::OperatorMetrics,
    settings::Settings,
    topology::{self, Topology},
};

/// How long the API server may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Runs until a signal. `assemble` makes what does the work.
///
/// # Errors
/// When a setting cannot be used, a store's settings break the guarantees, or a vital part fails.
pub fn run(args: OperatorArgs, assemble: Assemble) -> anyhow::Result<()> {
    let unique = Uuid::new_v4().simple().to_string();
    let settings = args.settings(&unique[..8])?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(operate(args, settings, assemble))
}

async fn operate(args: OperatorArgs, settings: Settings, assemble: Assemble) -> anyhow::Result<()> {
    let mut metrics = MetricsBuilder::new()
        .build_info("operator", env!("CARGO_PKG_VERSION"))
        .process();
    let operator_metrics = OperatorMetrics::register(metrics.registry());
    let mut process = Process::begin(args.process.clone(), metrics.build()).await?;

    let topology = connect_topology(&args, &settings, operator_metrics.clone())?;
    let depths = connect_depths(&args)?;
    let client = connect_cluster(args.kubeconfig.as_deref()).await?;
    let answers = || async { client.apiserver_version().await.map_err(Box::new) };
    let Some(version) = process.wait_for("kubernetes", answers, |_| true).await? else {
        return Ok(());
    };
    tracing::info!(version = %version.git_version, "the API server answers");
    let options = PostgresOptions::new(args.postgres_url.expose());
    let open = || PostgresStore::connect(options.clone());
    let store = process.wait_for("store", open, OpenError::is_away);
    let Some(store) = store.await.context("failed to open PostgreSQL")? else {
        return Ok(());
    };
    let parts = Parts {
        client,
        store: Arc::new(store),
        topology,
        depths: Arc::new(depths),
        clock: SystemClock::shared(),
        entropy: Arc::new(SystemEntropy),
        assemble,
        metrics: operator_metrics,
        health: process.health.clone(),
    };
    let operator = Operator::start(parts, settings).until(process.stop.clone());
    process.tasks.spawn_vital("operator", operator);
    process.run().await?;
    Ok(())
}

/// A client of the cluster we are in, or of a kubeconfig's. What it repeats by itself it would repeat after its term, so
/// it repeats nothing.
///
/// # Errors
/// When there is no API server to be found, or the file is none of a cluster.
pub async fn connect_cluster(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let mut config = match kubeconfig {
        Some(file) => {
            let read = Kubeconfig::read_from(file)
                .with_context(|| format!("--kubeconfig `{}`", file.display()))?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
                .await
                .with_context(|| format!("--kubeconfig `{}`", file.display()))?
        }
        None => Config::infer().await.context(
            "failed to find an API server: run in a pod with a service account, or name a --kubeconfig",
        )?,
    };
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_WITHIN);
    Client::try_from(config).context("failed to make a client of the API server")
}

/// How long the broker may take to tell of one queue. A look ends within a little more than two of these, before the
/// autoscaler gives it up, so that one queue that hangs hides no other.
const QUEUE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What the broker is asked about its queues through. It may be away: then nothing is known of them.
fn connect_depths(args: &OperatorArgs) -> anyhow::Result<AmqpDepths> {
    let mut options = AmqpOptions::new(args.queue_url.expose()).context("--queue-url")?;
    options.name = "sendry-operator".to_owned();
    options.answer_timeout = QUEUE_ANSWERS_WITHIN;
    Ok(AmqpDepths::connect(options))
}

/// The broker that the settings name.
///
/// # Errors
/// When they name none, or two, or one that cannot be, or another virtual host than the rest of Sendry works in.
pub fn connect_topology(
    args: &OperatorArgs,
    settings: &Settings,
    metrics: OperatorMetrics,
) -> anyhow::Result<Topology> {
    let queue = AmqpOptions::new(args.queue_url.expose()).context("--queue-url")?;
    let workers = settings.pods.queue_url.to_string();
    let workers = AmqpOptions::new(&workers).context("--worker-queue-url")?;
    let vhost = Vhost::of_queue_url(queue.vhost())?;
    vhost.is_also("--worker-queue-url", workers.vhost())?;
    if let Some(said) = &args.vhost {
        vhost.is_also("--vhost", said)?;
    }
    let broker = match (&args.management_url, &args.management_secret_dir) {
        (Some(url), None) => RabbitManagement::new(url.expose(), vhost.name()),
        (None, Some(folder)) => RabbitManagement::from_folder(folder),
        _ => bail!(
            "name the broker's management API by --management-url or by --management-secret-dir"
        ),
    };
    let broker = broker.context("the broker's management API")?;
    vhost.is_also(
        "the file `vhost` of --management-secret-dir",
        &broker.vhost(),
    )?;
    let how = topology::Settings {
        owner: settings.owner.clone(),
        interval: settings.topology,
    };
    Ok(Topology::new(
        Arc::new(broker),
        how,
        SystemClock::shared(),
        metrics,
    ))
}
