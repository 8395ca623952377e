//! `sendry-worker`: counts what comes to the queues, exactly once.

use std::process::ExitCode;

use clap::Parser;
use sendry_runtime::telemetry::LogArgs;
use sendry_worker::run::{WorkerArgs, run};

/// Much less memory under many small allocations than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Count events exactly once: from RabbitMQ into PostgreSQL, raw events into MongoDB
#[derive(Debug, Parser)]
#[command(name = "sendry-worker", version)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    args: WorkerArgs,
}

fn main() -> ExitCode {
    sendry_runtime::process::main(|Cli { log, args }| (log, args), run)
}
