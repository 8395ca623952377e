//! The latency of a 202 with a million events waiting, beside an empty queue.

use std::{path::Path, time::Duration};

use anyhow::ensure;
use sendry_testkit::{client::Client, process::Sendry};

use crate::{
    report,
    rig::{Load, ledger},
};

/// How much waits.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Events that wait
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Requests a second while measuring
    #[arg(long, default_value_t = 2_000.0)]
    rate: f64,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    // Without workers nothing is taken from the queue.
    let sendry = Sendry::start(binary, &folder.path().join("data"), &["--workers", "0"])?;
    let mut client = Client::new(sendry.ready.address()?);
    let single = Load::new(&sendry, 1)?;
    single.open(32, args.rate, Duration::from_secs(2)).await?;
    let empty = single.open(32, args.rate, Duration::from_secs(8)).await?;
    let batch = Load::new(&sendry, 100)?;
    let mut sent = 0;
    while sent < args.events {
        let (latencies, _) = batch.closed(8, Duration::from_secs(2)).await?;
        sent += latencies.len() as u64 * 100;
    }
    let (received, waiting) = ledger(&mut client).await?;
    ensure!(received == 0, "nothing should have been counted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let full = single.open(32, args.rate, Duration::from_secs(8)).await?;
    report::title("Backlog (`cargo xtask bench backlog`)");
    report::figure(
        "202 at an empty queue, p50 / p99",
        format!(
            "{:.2} / {:.2} ms",
            empty.percentile_ms(50.0),
            empty.percentile_ms(99.0)
        ),
        "",
    );
    report::figure(
        &format!("202 with {sent} events in {waiting} messages waiting, p50 / p99"),
        format!(
            "{:.2} / {:.2} ms",
            full.percentile_ms(50.0),
            full.percentile_ms(99.0)
        ),
        "",
    );
    report::figure(
        "p50, waiting beside empty",
        format!(
            "{:.2}×",
            full.percentile_ms(50.0) / empty.percentile_ms(50.0)
        ),
        "≤ 1.2×",
    );
    sendry.stop()?;
    Ok(())
}
