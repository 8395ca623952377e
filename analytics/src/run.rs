//! The separate process: `sendry-analytics`, and `sendry analytics` with the dashboard. The composition root of analytics.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, bail};
use axum::Router;
use clap::Args;
use sendry_queue::adapters::amqp::{AmqpOptions, AmqpQueue};
use sendry_runtime::{
    clock::SystemClock,
    config::SecretString,
    http::{not_found, standard_layers},
    metrics::MetricsBuilder,
    process::{Process, ProcessArgs},
};
use sendry_store::adapters::{
    mongodb::{MongoOptions, MongoStore},
    postgres::{OpenError, PostgresOptions, PostgresStore},
};

use crate::{Access, Analytics, ApiToken, RequestMetrics, router};

/// `sendry analytics`
#[derive(Debug, Clone, Args)]
pub struct AnalyticsArgs {
    #[command(flatten)]
    process: ProcessArgs,
    /// Address of the API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// RabbitMQ, such as amqp://user:password@host:5672/vhost; asked how much waits
    #[arg(long, value_name = "URL")]
    queue_url: SecretString,
    /// PostgreSQL, such as postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    postgres_url: SecretString,
    /// MongoDB, such as mongodb://host:27017/sendry
    #[arg(long, value_name = "URL")]
    mongodb_url: SecretString,
    /// Bearer token of the API; required when listening beyond this machine
    #[arg(long, value_name = "TOKEN")]
    api_token: Option<SecretString>,
}

/// Who may ask: everybody on this machine alone, beyond it who has the token.
///
/// # Errors
/// When nobody beyond this machine could be told from anybody else.
pub fn access(listen: SocketAddr, token: Option<&SecretString>) -> anyhow::Result<Access> {
    match token {
        Some(token) => match ApiToken::new(token.expose()) {
            Some(token) => Ok(Access::Token(token)),
            None => bail!("--api-token is blank, which would let everybody in"),
        },
        None if listen.ip().is_loopback() => Ok(Access::Open),
        None => bail!(
            "listening on {listen} lets others read your data (set --api-token or SENDRY_API_TOKEN, or listen on 127.0.0.1)"
        ),
    }
}

/// Runs until a signal; `pages` makes what is served beside the API.
///
/// # Errors
/// When a setting or an address cannot be used, or a vital part fails.
pub fn run(args: AnalyticsArgs, pages: Option<fn() -> Router>) -> anyhow::Result<()> {
    let access = access(args.listen, args.api_token.as_ref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(answer(args, access, pages))
}

async fn answer(
    args: AnalyticsArgs,
    access: Access,
    pages: Option<fn() -> Router>,
) -> anyhow::Result<()> {
    let AnalyticsArgs {
        process,
        listen,
        queue_url,
        postgres_url,
        mongodb_url,
        api_token: _,
    } = args;
    let mut metrics = MetricsBuilder::new()
        .build_info("analytics", env!("CARGO_PKG_VERSION"))
        .process();
    let telemetry = RequestMetrics::register(metrics.registry());
    let mut process = Process::begin(process, metrics.build()).await?;

    let options = AmqpOptions::new(queue_url.expose()).context("--queue-url")?;
    let queue = AmqpQueue::connect(options);
    let options = PostgresOptions::new(postgres_url.expose());
    let open = || PostgresStore::connect(options.clone());
    let postgres = process.wait_for("postgresql", open, OpenError::is_away);
    let Some(postgres) = postgres.await.context("failed to open PostgreSQL")? else {
        return Ok(());
    };
    // Raw search says by itself that MongoDB is away; buckets are read without it.
    let raw = MongoStore::connect(MongoOptions::new(mongodb_url.expose()));
    let raw = raw.await.context("failed to set MongoDB up")?;
    let postgres = Arc::new(postgres);
    let api = router(Analytics {
        metrics: postgres.clone(),
        control: postgres,
        raw: Arc::new(raw),
        queue: Arc::new(queue),
        clock: SystemClock::shared(),
        access,
        telemetry,
    });
    let api = api.route("/api/{*rest}", axum::routing::any(not_found));
    let all = match pages {
        Some(pages) => api.merge(pages()),
        None => api.fallback(not_found),
    };
    process
        .listen("address", "--listen", listen, standard_layers(all))
        .await?;
    process.run().await?;
    Ok(())
}
