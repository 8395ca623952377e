//! Separate processes on servers of their own, with faults as a seed says; one line of JSON a run.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, ensure};
use sendry_testkit::{
    chaos::{self, Plan},
    nemesis::Fault,
};

use crate::report;

/// How much, and from which seed.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Faults; fewer when time is up
    #[arg(long, default_value_t = 60)]
    steps: usize,
    /// Minutes after which no fault begins
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Seed of what is sent, what goes wrong and when; the same one does the same again
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs, each with the next seed and with servers of its own
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Clients that send side by side
    #[arg(long, default_value_t = 6)]
    clients: u64,
    /// Only faults whose names begin so, such as `kill_` or `black_hole_broker`
    #[arg(long, default_value = "")]
    only: String,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let faults: Vec<Fault> = Fault::all()
        .into_iter()
        .filter(|fault| fault.to_string().starts_with(&args.only))
        .collect();
    ensure!(
        !faults.is_empty(),
        "no fault begins with `{}`; there are {}",
        args.only,
        Fault::all()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    for seed in args.seed..args.seed + args.runs {
        let folder = tempfile::tempdir()?;
        report::note(format!(
            "seed {seed}: `cargo xtask bench faults --seed {seed}`"
        ));
        let plan = Plan {
            seed,
            faults: faults.clone(),
            steps: args.steps,
            time: Duration::from_secs(60 * args.minutes),
            now_ms: now(),
            clients: args.clients,
            processes: 2,
        };
        let outcome = chaos::run(binary, folder.path(), &plan).await;
        let clean = outcome
            .as_ref()
            .is_ok_and(|report| report.verdict.is_clean());
        let kept = if clean {
            String::new()
        } else {
            // Journals and logs, to be looked at and judged again.
            format!("what it left is in {}", folder.keep().display())
        };
        let report = outcome.with_context(|| format!("seed {seed}: {kept}"))?;
        report::note(report.line());
        ensure!(
            clean,
            "seed {seed}: the oracle found: {}\n{kept}",
            report.verdict
        );
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the load needs event times inside the real server's window"
)]
fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as i64)
}
