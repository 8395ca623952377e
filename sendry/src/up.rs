//! `sendry up`: the whole platform in one process, on SQLite.
//!
//! The composition root. Everything talks to everything through the same ports as the separate processes do; only the
//! adapters differ. Two files: what is accepted is durable in `queue.db` before the 202, and counted exactly once into
//! `store.db`.

mod demo;
mod first_run;
mod greeting;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use ipnet::IpNet;
use sendry_analytics::{Analytics, RequestMetrics};
use sendry_domain::id::TenantId;
use sendry_ingest::{Ingest, metrics::IngestMetrics};
use sendry_queue::adapters::sqlite::SqliteQueue;
use sendry_runtime::{
    admin,
    clock::SystemClock,
    config::SecretString,
    health::Health,
    http::{ServeLimits, not_found, serve, standard_layers},
    metrics::MetricsBuilder,
    shutdown::{Shutdown, Tasks},
};
use sendry_store::adapters::sqlite::SqliteStore;
use sendry_worker::{
    fleet::{Fleet, Provided, Which},
    metrics::WorkerMetrics,
};
use tokio::net::TcpListener;

use crate::{cli::DataArgs, dashboard, data_dir::DataDir};

/// How long the parts may take to finish after a signal.
const GRACE: Duration = Duration::from_secs(25);

/// `sendry up`
#[derive(Debug, Args)]
pub struct UpArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address of ingest, API and dashboard
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of /livez, /readyz and /metrics; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    admin_listen: SocketAddr,
    /// Add a simulated shop: 3 services, 25 endpoints, 30 days of history, then live traffic
    #[arg(long)]
    demo: bool,
    /// Requests in the shop's 30 days
    #[arg(long, value_name = "N", default_value_t = 600_000)]
    demo_events: usize,
    /// Write {"dashboard", "ingest", "tenant", "apiKey"} there as JSON once everything serves
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Bearer token of the analytics API; required when listening beyond this machine
    #[arg(long, value_name = "TOKEN")]
    api_token: Option<SecretString>,
    /// Proxies whose X-Forwarded-For is believed, in CIDR notation
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    trusted_proxies: Vec<IpNet>,
    /// Consumers that count, side by side; with 0 events are only accepted, and wait for a start with more
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: usize,
}

/// Runs until a signal.
///
/// # Errors
/// When a setting, the data folder or an address cannot be used, or when a vital part fails.
pub fn run(args: UpArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve_all(args))
}

async fn serve_all(args: UpArgs) -> anyhow::Result<()> {
    let UpArgs {
        data,
        listen,
        admin_listen,
        demo,
        demo_events,
        ready_file,
        api_token,
        trusted_proxies,
        workers,
    } = args;
    let access = sendry_analytics::run::access(listen, api_token.as_ref())?;
    let data = DataDir::open(&data.data)?;
    let queue = SqliteQueue::open(data.queue_db(), Default::default())
        .with_context(|| format!("failed to open the queue in `{}`", data.path().display()))?;
    let store = SqliteStore::open(&data.store_db(), Default::default())
        .with_context(|| format!("failed to open the store in `{}`", data.path().display()))?;
    let (queue, store) = (Arc::new(queue), Arc::new(store));
    let clock = SystemClock::shared();
    let credentials = first_run::credentials(&data, store.as_ref(), clock.as_ref()).await?;

    let listener = bind(listen, "--listen").await?;
    let admin_listener = bind(admin_listen, "--admin-listen").await?;
    let (address, admin_address) = (listener.local_addr()?, admin_listener.local_addr()?);

    let shutdown = Shutdown::on_signals()?;
    let stop = shutdown.token();
    let mut tasks = Tasks::new(&shutdown);
    let health = Health::new();
    let mut metrics = MetricsBuilder::new()
        .build_info("up", env!("CARGO_PKG_VERSION"))
        .process();

    let ingest = Ingest::start(
        sendry_ingest::Parts {
            queue: queue.clone(),
            control: store.clone(),
            clock: clock.clone(),
            trusted_proxies,
            metrics: IngestMetrics::register(metrics.registry()),
        },
        &health,
        &mut tasks,
        &stop,
    );
    let worker = sendry_worker::Parts {
        queue: queue.clone(),
        counts: store.clone(),
        raw: store.clone(),
        control: store.clone(),
        clock: clock.clone(),
        metrics: WorkerMetrics::register(metrics.registry()),
        doings: Default::default(),
    };
    start_workers(&worker, workers, &health, &mut tasks, &stop);
    let analytics = Analytics {
        metrics: store.clone(),
        control: store.clone(),
        raw: store.clone(),
        queue: queue.clone(),
        clock: clock.clone(),
        access,
        telemetry: RequestMetrics::register(metrics.registry()),
    };
    let router = ingest
        .router()
        .merge(sendry_analytics::router(analytics))
        .route("/api/{*rest}", axum::routing::any(not_found))
        .merge(dashboard::router());
    let limits = ServeLimits::default();
    tasks.spawn_vital("http", {
        let (router, stop) = (standard_layers(router), stop.clone());
        async move {
            serve(listener, router, limits, stop).await;
        }
    });
    tasks.spawn_vital("admin", {
        let (router, stop) = (admin::router(health.clone(), metrics.build()), stop.clone());
        async move {
            serve(admin_listener, router, limits, stop).await;
        }
    });

    let addresses = greeting::Addresses::new(address, admin_address);
    greeting::wait_until_ready(&health, &stop).await?;
    if let Some(file) = &ready_file {
        greeting::write_ready_file(file, &addresses, &credentials)?;
    }
    greeting::print(&addresses, &credentials, data.path(), demo);
    if demo {
        demo::start(
            &addresses.base,
            &credentials,
            data.path(),
            demo_events,
            clock,
            &mut tasks,
            &stop,
        )?;
    }

    let draining = health.clone();
    tasks.spawn("drain", async move {
        stop.cancelled().await;
        draining.drain();
    });
    tasks
        .join_all(GRACE)
        .await
        .context("not everything stopped in order")
}

/// Workers and keepers for every queue, and the housekeeping.
fn start_workers(
    parts: &sendry_worker::Parts,
    concurrency: usize,
    health: &Health,
    tasks: &mut Tasks,
    stop: &tokio_util::sync::CancellationToken,
) {
    let fleet = Fleet {
        parts: parts.clone(),
        which: Which::Everything,
        settings: sendry_worker::Settings {
            concurrency,
            ..Default::default()
        },
        provider: Arc::new(Provided),
        health: health.clone(),
    };
    tasks.spawn_vital(
        "workers",
        fleet.run(health.component("workers"), stop.clone()),
    );
    let component = health.component("housekeeping").informational();
    let (parts, stop) = (parts.clone(), stop.clone());
    tasks.spawn_vital(
        "housekeeping",
        sendry_worker::janitor::run(parts, component, stop),
    );
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("failed to listen on {address} (choose another address with {flag}; port 0 picks a free one)")
    })
}

/// The tenant that `sendry up` makes.
pub(crate) fn laptop_tenant() -> TenantId {
    TenantId::new("default").unwrap_or_else(|_| unreachable!("`default` is a valid name"))
}
