//! `sendry scaling simulate`: what the autoscaler would do with a load, and what KEDA would.
//!
//! The decisions are [`sendry_domain::scaling::decide`]'s, the very ones the operator takes; the queue, the workers and
//! KEDA are models ([`plant`], [`keda`]). Nothing here is random but by a seed, so a table can be printed again.

use std::{fs, io::Write, path::PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};

mod keda;
mod plant;
mod report;
mod run;
mod scalers;
mod spec;
mod trace;
mod traces;

#[cfg(test)]
mod tests;

use self::{
    run::{Comparison, Setting},
    trace::Trace,
};

/// `sendry scaling`
#[derive(Debug, Args)]
pub struct ScalingArgs {
    #[command(subcommand)]
    command: ScalingCommand,
}

#[derive(Debug, Subcommand)]
enum ScalingCommand {
    /// Run a load through the autoscaler and through models of KEDA, and compare
    Simulate(SimulateArgs),
}

/// `sendry scaling simulate`
#[derive(Debug, Args)]
struct SimulateArgs {
    /// YAML of a SendryPipeline, of its spec, or of its `spec.scaling`
    spec: PathBuf,
    /// File (.json or .csv) or built-in name: steady, ramp, burst, outage, metric-loss, square, sizes; may be given
    /// several times (default: all that are built in)
    #[arg(long, value_name = "FILE|NAME")]
    trace: Vec<String>,
    /// Events a second that one worker does
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    worker_rate: u32,
    /// Seconds from asking for a worker until it works
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    start_up: u32,
    /// Seconds of one worker's work that KEDA's `QueueLength` beside `MessageRate` is set to
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    keda_length: f64,
    /// Seed of the noise in built-in traces
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or does not say what it should.
pub fn run(args: ScalingArgs) -> anyhow::Result<()> {
    let ScalingCommand::Simulate(args) = args.command;
    simulate(&args)
}

fn simulate(args: &SimulateArgs) -> anyhow::Result<()> {
    let results = compared(args)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&results)?)?;
    } else {
        write!(out, "{}", report::table(&results))?;
    }
    Ok(())
}

fn compared(args: &SimulateArgs) -> anyhow::Result<Vec<Comparison>> {
    let SimulateArgs {
        spec,
        trace,
        worker_rate,
        start_up,
        keda_length,
        seed,
        json: _,
    } = args;
    ensure!(*worker_rate > 0, "--worker-rate must be above 0");
    ensure!(
        keda_length.is_finite() && *keda_length > 0.0,
        "--keda-length must be above 0"
    );
    let text = fs::read_to_string(spec)
        .with_context(|| format!("failed to read the pipeline `{}`", spec.display()))?;
    let setting = Setting {
        spec: spec::parse(&text)
            .with_context(|| format!("failed to understand the pipeline `{}`", spec.display()))?,
        worker_rate: f64::from(*worker_rate),
        start_up: *start_up,
        keda_length_seconds: *keda_length,
    };
    let traces = if trace.is_empty() {
        traces::all(setting.worker_rate, *seed)
    } else {
        let load = |name: &String| load(name, setting.worker_rate, *seed);
        trace.iter().map(load).collect::<anyhow::Result<_>>()?
    };
    Ok(traces
        .iter()
        .map(|trace| run::compare(trace, &setting))
        .collect())
}

fn load(name: &str, worker_rate: f64, seed: u64) -> anyhow::Result<Trace> {
    if let Some(trace) = traces::named(name, worker_rate, seed) {
        return Ok(trace);
    }
    let text = fs::read_to_string(name).with_context(|| {
        format!(
            "failed to read the trace `{name}` (it is none of those built in: {})",
            traces::NAMES.join(", ")
        )
    })?;
    let parse = match name.rsplit_once('.') {
        Some((_, "json")) => trace::from_json,
        Some((_, "csv")) => trace::from_csv,
        _ => bail!("the trace `{name}` is neither .json nor .csv"),
    };
    parse(name, &text).with_context(|| format!("failed to understand the trace `{name}`"))
}
