//! `sendry-analytics`: answers every dashboard question.

use std::process::ExitCode;

use clap::Parser;
use sendry_analytics::run::{AnalyticsArgs, run};
use sendry_runtime::telemetry::LogArgs;

/// Answer every dashboard question from the buckets, over HTTP
#[derive(Debug, Parser)]
#[command(name = "sendry-analytics", version)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    args: AnalyticsArgs,
}

fn main() -> ExitCode {
    sendry_runtime::process::main(|Cli { log, args }| (log, args), |args| run(args, None))
}
