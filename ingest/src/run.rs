//! The separate process: `sendry-ingest`, and `sendry ingest`. The composition root of ingest.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use clap::Args;
use ipnet::IpNet;
use sendry_queue::adapters::amqp::{AmqpOptions, AmqpQueue};
use sendry_runtime::{
    clock::SystemClock,
    config::SecretString,
    http::standard_layers,
    metrics::MetricsBuilder,
    process::{Process, ProcessArgs},
};
use sendry_store::adapters::postgres::{OpenError, PostgresOptions, PostgresStore};

use crate::{Ingest, Parts, metrics::IngestMetrics};

/// `sendry ingest`
#[derive(Debug, Clone, Args)]
pub struct IngestArgs {
    #[command(flatten)]
    process: ProcessArgs,
    /// Address of the HTTP contract
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// RabbitMQ, such as amqp://user:password@host:5672/vhost
    #[arg(long, value_name = "URL")]
    queue_url: SecretString,
    /// PostgreSQL, such as postgres://user:password@host/database; keys and limits are there
    #[arg(long, value_name = "URL")]
    postgres_url: SecretString,
    /// Proxies whose X-Forwarded-For is believed, in CIDR notation
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    trusted_proxies: Vec<IpNet>,
}

/// Runs until a signal.
///
/// # Errors
/// When a setting or an address cannot be used, PostgreSQL's settings break the guarantees, or a vital part fails.
pub fn run(args: IngestArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(accept(args))
}

async fn accept(args: IngestArgs) -> anyhow::Result<()> {
    let IngestArgs {
        process,
        listen,
        queue_url,
        postgres_url,
        trusted_proxies,
    } = args;
    let mut metrics = MetricsBuilder::new()
        .build_info("ingest", env!("CARGO_PKG_VERSION"))
        .process();
    let ingest_metrics = IngestMetrics::register(metrics.registry());
    let mut process = Process::begin(process, metrics.build()).await?;

    let options = AmqpOptions::new(queue_url.expose()).context("--queue-url")?;
    let queue = AmqpQueue::connect(options);
    let options = PostgresOptions::new(postgres_url.expose());
    let open = || PostgresStore::connect(options.clone());
    let postgres = process.wait_for("postgresql", open, OpenError::is_away);
    let Some(postgres) = postgres.await.context("failed to open PostgreSQL")? else {
        return Ok(());
    };
    let parts = Parts {
        queue: Arc::new(queue),
        control: Arc::new(postgres),
        clock: SystemClock::shared(),
        trusted_proxies,
        metrics: ingest_metrics,
    };
    let stop = process.stop.clone();
    let ingest = Ingest::start(parts, &process.health, &mut process.tasks, &stop);
    let router = standard_layers(ingest.router());
    process
        .listen("address", "--listen", listen, router)
        .await?;
    process.run().await?;
    Ok(())
}
