//! Memory under demo traffic over time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sendry_testkit::{client::Client, process::Sendry};

use crate::{report, rig::drained};

/// How long.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Minutes of demo traffic after the history is in
    #[arg(long, default_value_t = 60)]
    minutes: u64,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let sendry = Sendry::start(binary, &folder.path().join("data"), &["--demo"])?;
    let mut client = Client::new(sendry.ready.address()?);
    report::title(&format!(
        "Memory (`cargo xtask bench memory --minutes {}`)",
        args.minutes
    ));
    let began = Instant::now();
    let mut last = 0;
    // The history is in when a second passes without a batch of it.
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let received = drained(&mut client, Duration::from_secs(300)).await?;
        if received - last < 500 {
            break;
        }
        last = received;
    }
    report::figure(
        "history counted",
        format!("{last} events in {:.0} s", began.elapsed().as_secs_f64()),
        "",
    );
    let mut samples = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(args.minutes * 60) {
        tokio::time::sleep(Duration::from_secs(30)).await;
        // What a dashboard asks for, so that reads are part of the picture.
        for path in ["summary", "timeseries", "endpoints", "services"] {
            client
                .get_json(&format!("/api/v1/{path}?from=now-24h"))
                .await?;
        }
        samples.push(sendry.resident_bytes()? as f64 / 1_048_576.0);
    }
    let (half, mean) = (samples.len() / 2, |s: &[f64]| {
        s.iter().sum::<f64>() / s.len().max(1) as f64
    });
    report::figure(
        "resident memory, first half of the time, mean",
        format!("{:.0} MiB", mean(&samples[..half])),
        "",
    );
    report::figure(
        "resident memory, second half, mean",
        format!("{:.0} MiB", mean(&samples[half..])),
        "flat",
    );
    sendry.stop()?;
    Ok(())
}
