//! Figures, each with the command that repeats it: `cargo xtask bench NAME`.
//!
//! Speed is told as ratios against a baseline of the same run, because absolute times belong to a machine. Everything
//! runs against the real `sendry` binary over loopback, load generator included in the same cores, bounded in time and
//! count.

mod backlog;
mod baseline;
mod chaos;
mod faults;
mod first_chart;
mod ingest;
mod kill;
mod memory;
mod operator;
mod pipeline;
mod queries;
mod report;
mod rig;
mod wire;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// As in the processes that are shipped: what this program runs of them in itself is to need as much memory as they do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure Sendry on this machine
#[derive(Debug, Parser)]
#[command(name = "sendry-bench", version)]
struct Cli {
    /// The release binary to measure
    #[arg(long, global = true, default_value = "target/release/sendry")]
    binary: PathBuf,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Empty folder to the first chart with own data; idle memory
    FirstChart,
    /// Durable 202s: single events, batches, latency beside a bare group-committed append
    Ingest(ingest::Args),
    /// Latency of a 202 with a million events waiting, beside an empty queue
    Backlog(backlog::Args),
    /// Overview and endpoints over 31 days and 25 months with 1,000 endpoints, 10⁶ and 10⁹ represented events
    Queries(queries::Args),
    /// kill -9 at random moments under load; the oracle compares every event
    Kill(kill::Args),
    /// Separate processes on RabbitMQ, PostgreSQL and MongoDB: 202s, draining, a backlog, a spike, CPU of every process
    Pipeline(pipeline::Args),
    /// kill -9 of everything, on the real servers: workers, ingests, RabbitMQ, PostgreSQL, the MongoDB server
    Chaos(chaos::Args),
    /// Separate processes on RabbitMQ, PostgreSQL and MongoDB: kills, stops, cut and silent links, alarms, as a seed says
    Faults(faults::Args),
    /// Memory under demo traffic over time
    Memory(memory::Args),
    /// Hundreds of tenants on a real API server: from cold to Ready, a full resync, rest, drift, deletion
    Operator(operator::Args),
    /// The operator that `operator` measures
    #[command(hide = true)]
    OperatorProcess(operator::process::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { binary, bench } = Cli::parse();
    match bench {
        Bench::FirstChart => first_chart::run(&binary).await,
        Bench::Ingest(args) => ingest::run(&binary, args).await,
        Bench::Backlog(args) => backlog::run(&binary, args).await,
        Bench::Queries(args) => queries::run(&binary, args).await,
        Bench::Kill(args) => kill::run(&binary, args).await,
        Bench::Pipeline(args) => pipeline::run(&binary, args).await,
        Bench::Chaos(args) => chaos::run(&binary, args).await,
        Bench::Faults(args) => faults::run(&binary, args).await,
        Bench::Memory(args) => memory::run(&binary, args).await,
        Bench::Operator(args) => operator::run(args).await,
        Bench::OperatorProcess(args) => operator::process::run(args).await,
    }
}
