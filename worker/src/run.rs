//! The separate process: `sendry-worker`, and `sendry worker`. The composition root of the worker and of the keeper.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use sendry_domain::{
    beat::ProcessRole,
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_queue::{
    adapters::{
        amqp::{AmqpOptions, AmqpQueue},
        rabbitmq_management::RabbitManagement,
    },
    topology::Limits,
};
use sendry_runtime::{
    clock::SystemClock,
    config::SecretString,
    metrics::MetricsBuilder,
    process::{Process, ProcessArgs},
};
use sendry_store::{
    StoreError,
    adapters::{
        mongodb::{MongoOptions, MongoStore},
        postgres::{OpenError, PostgresOptions, PostgresStore},
    },
};
use uuid::Uuid;

use crate::{
    Parts, Role, Settings,
    broker::Broker,
    doings,
    fleet::{Fleet, ProvideQueues, Provided, Which},
    janitor,
    metrics::WorkerMetrics,
};

/// Most events in one transaction: more would hold its locks for seconds.
const MAX_BATCH_EVENTS: u32 = 50_000;
/// Most consumers in one process.
const MAX_CONCURRENCY: usize = 64;

/// `sendry worker`
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    process: ProcessArgs,
    /// `worker` counts what comes to pipelines; `keeper` counts what was parked, and does the housekeeping
    #[arg(long, value_enum, default_value_t = RoleArg::Worker)]
    role: RoleArg,
    /// RabbitMQ, such as amqp://user:password@host:5672/vhost
    #[arg(long, value_name = "URL")]
    queue_url: SecretString,
    /// RabbitMQ's management API, such as http://user:password@host:15672; policies need it
    #[arg(long, value_name = "URL")]
    management_url: Option<SecretString>,
    /// PostgreSQL, such as postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    postgres_url: SecretString,
    /// MongoDB, such as mongodb://host:27017/sendry
    #[arg(long, value_name = "URL")]
    mongodb_url: SecretString,
    /// Drain only this tenant's pipeline (with --pipeline) or parked queue
    #[arg(long, value_name = "NAME")]
    tenant: Option<TenantId>,
    /// Drain only this pipeline of --tenant
    #[arg(long, value_name = "NAME")]
    pipeline: Option<PipelineName>,
    /// Whether a worker declares exchanges, queues and policies; an operator does it on Kubernetes, a keeper never does
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    declare: bool,
    /// Bytes that may wait in each pipeline's queue before ingest is told that it is full
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 30)]
    backlog_bytes: u64,
    /// Consumers of each queue
    #[arg(long, value_name = "N", default_value_t = Settings::default().concurrency)]
    concurrency: usize,
    /// Events in one transaction, about
    #[arg(long, value_name = "N", default_value_t = Settings::default().batch_events)]
    batch_events: u32,
    /// Messages each consumer is given ahead
    #[arg(long, value_name = "N", default_value_t = 64)]
    prefetch: u16,
    /// The name this process beats under: its pod's uid (default: a new one)
    #[arg(long, value_name = "UUID")]
    instance: Option<Uuid>,
}

/// What the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    Worker,
    Keeper,
}

/// Runs until a signal.
///
/// # Errors
/// When a setting cannot be used, a store's settings break the guarantees, or a vital part fails.
pub fn run(args: WorkerArgs) -> anyhow::Result<()> {
    let which = args.which()?;
    args.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work(args, which))
}

impl WorkerArgs {
    fn role(&self) -> Role {
        match self.role {
            RoleArg::Worker => Role::Worker,
            RoleArg::Keeper => Role::Keeper,
        }
    }

    fn which(&self) -> anyhow::Result<Which> {
        let role = self.role();
        Ok(match (role, self.tenant.clone(), self.pipeline.clone()) {
            (_, None, None) => Which::All(role),
            (Role::Worker, Some(tenant), Some(pipeline)) => {
                Which::One(role, QueueName::Pipeline(tenant, pipeline))
            }
            (Role::Keeper, Some(tenant), None) => Which::One(role, QueueName::Parked(tenant)),
            (Role::Worker, ..) => {
                bail!("--tenant and --pipeline go together: name both, or neither to drain all")
            }
            (Role::Keeper, ..) => {
                bail!("a keeper drains tenants' parked queues, which have no --pipeline")
            }
        })
    }

    /// Settings that would break a promise are refused before anything is opened.
    fn check(&self) -> anyhow::Result<()> {
        let Self {
            concurrency,
            batch_events,
            prefetch,
            ..
        } = self;
        ensure!(
            (1..=MAX_CONCURRENCY).contains(concurrency),
            "--concurrency {concurrency} must be 1 to {MAX_CONCURRENCY}"
        );
        ensure!(
            (1..=MAX_BATCH_EVENTS).contains(batch_events),
            "--batch-events {batch_events} must be 1 to {MAX_BATCH_EVENTS}"
        );
        ensure!(
            *prefetch > 0,
            "--prefetch 0 would let the broker push without bound; give 1 or more"
        );
        Ok(())
    }
}

async fn work(args: WorkerArgs, which: Which) -> anyhow::Result<()> {
    let role = args.role();
    let WorkerArgs {
        process,
        role: _,
        queue_url,
        management_url,
        postgres_url,
        mongodb_url,
        tenant: _,
        pipeline: _,
        declare,
        backlog_bytes,
        concurrency,
        batch_events,
        prefetch,
        instance,
    } = args;
    let mut metrics = MetricsBuilder::new()
        .build_info("worker", env!("CARGO_PKG_VERSION"))
        .process();
    let told = WorkerMetrics::register(metrics.registry());
    let mut process = Process::begin(process, metrics.build()).await?;

    let mut options = AmqpOptions::new(queue_url.expose()).context("--queue-url")?;
    options.prefetch = prefetch;
    let management = management_url.map(|url| RabbitManagement::new(url.expose(), options.vhost()));
    let management = management.transpose().context("--management-url")?;
    let queue = Arc::new(AmqpQueue::connect(options));
    let options = PostgresOptions::new(postgres_url.expose());
    let open = || PostgresStore::connect(options.clone());
    let postgres = process.wait_for("postgresql", open, OpenError::is_away);
    let Some(postgres) = postgres.await.context("failed to open PostgreSQL")? else {
        return Ok(());
    };
    let mongodb = MongoStore::connect(MongoOptions::new(mongodb_url.expose()));
    let mongodb = mongodb.await.context("failed to set MongoDB up")?;
    let prepared = process.wait_for("mongodb", || mongodb.prepare(), is_away);
    if prepared
        .await
        .context("failed to prepare MongoDB")?
        .is_none()
    {
        return Ok(());
    }
    let (postgres, mongodb) = (Arc::new(postgres), Arc::new(mongodb));
    let clock = SystemClock::shared();
    let doings = doings::Doings::default();
    let parts = Parts {
        queue: queue.clone(),
        counts: postgres.clone(),
        raw: mongodb,
        control: postgres.clone(),
        clock: clock.clone(),
        metrics: told.clone(),
        doings: doings.clone(),
    };
    // One role declares, or two with other limits would overwrite each other's policies.
    let provider: Arc<dyn ProvideQueues> = if declare && role == Role::Worker {
        let limits = Limits {
            max_bytes: Some(backlog_bytes),
            ..Limits::default()
        };
        Arc::new(Broker::new(queue, management, limits))
    } else {
        Arc::new(Provided)
    };
    let fleet = Fleet {
        parts: parts.clone(),
        which,
        settings: Settings {
            concurrency,
            batch_events,
        },
        provider,
        health: process.health.clone(),
    };
    let mut component = process.health.component("queues");
    if matches!(fleet.which, Which::One(..)) {
        // What it drains was told at its start; that the settings are away later keeps it from nothing.
        component = component.once();
    }
    let stop = process.stop.clone();
    process
        .tasks
        .spawn_vital("queues", fleet.run(component, stop));
    if role == Role::Keeper {
        let component = process.health.component("housekeeping").informational();
        let stop = process.stop.clone();
        let run = janitor::run(parts, component, stop);
        process.tasks.spawn_vital("housekeeping", run);
    }
    let instance = instance.unwrap_or_else(Uuid::new_v4);
    let as_role = match role {
        Role::Worker => ProcessRole::Worker,
        Role::Keeper => ProcessRole::Keeper,
    };
    let beating = doings::beat(
        instance,
        as_role,
        doings,
        postgres,
        clock,
        process.stop.clone(),
    );
    process.tasks.spawn_vital("beat", beating);
    process.run().await?;
    let (messages, again) = (told.messages.get(), told.redelivered.get());
    tracing::info!(
        messages,
        redelivered = again,
        "left: what was in its hands is done or given back"
    );
    Ok(())
}

fn is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}
