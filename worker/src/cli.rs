//! The command line of `sendry-worker`. Whoever writes its configuration file tests it against this.

use clap::Parser;
use sendry_runtime::telemetry::LogArgs;

use crate::run::WorkerArgs;

/// Count events exactly once: from RabbitMQ into PostgreSQL, raw events into MongoDB
#[derive(Debug, Parser)]
#[command(name = "sendry-worker", version)]
pub struct Cli {
    /// How it logs.
    #[command(flatten)]
    pub log: LogArgs,
    /// What it does.
    #[command(flatten)]
    pub args: WorkerArgs,
}
