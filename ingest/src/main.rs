//! `sendry-ingest`: accepts events over HTTP into RabbitMQ.

use std::process::ExitCode;

use clap::Parser;
use sendry_ingest::run::{IngestArgs, run};
use sendry_runtime::telemetry::LogArgs;

/// Much lower latency under many small allocations than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Accept events over HTTP: check the key, validate, answer 202 after the queue's durable confirm
#[derive(Debug, Parser)]
#[command(name = "sendry-ingest", version)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    args: IngestArgs,
}

fn main() -> ExitCode {
    sendry_runtime::process::main(|Cli { log, args }| (log, args), run)
}
