//! Durable 202s: how many, how fast, and what that is beside the bare disk.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sendry_testkit::{client::Client, process::Sendry};

use crate::{
    baseline, report,
    rig::{Load, drained, ledger},
};

/// How long and how wide.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Seconds of each phase
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests a second at which latency is measured: half of the 10,000 to reach
    #[arg(long, default_value_t = 5_000.0)]
    half: f64,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let time = Duration::from_secs(args.seconds);
    let folder = tempfile::tempdir()?;
    let fsync = baseline::fsync(folder.path(), 2_000)?;
    report::title("Durable ingest (`cargo xtask bench ingest`)");
    report::figure(
        "fdatasync of 4 KiB, p50 / p99",
        format!(
            "{:.2} / {:.2} ms",
            fsync.percentile_ms(50.0),
            fsync.percentile_ms(99.0)
        ),
        "",
    );

    let sendry = Sendry::start(binary, &folder.path().join("data"), &[])?;
    let mut client = Client::new(sendry.ready.address()?);
    let single = Load::new(&sendry, 1)?;
    single
        .closed(args.connections, Duration::from_secs(2))
        .await?;
    drained(&mut client, Duration::from_secs(120)).await?;

    let (latencies, took) = single.closed(args.connections, time).await?;
    let rate = latencies.len() as f64 / took.as_secs_f64();
    report::figure(
        "single-event requests, saturated",
        format!(
            "{rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            latencies.percentile_ms(50.0),
            latencies.percentile_ms(99.0)
        ),
        "≥ 10,000/s",
    );
    drained(&mut client, Duration::from_secs(120)).await?;

    let half = args.half;
    let bytes = single.body.len();
    // The baseline before and after, so that a drifting disk shows.
    let before =
        baseline::group_commit(folder.path(), args.connections, half, bytes, time / 2).await?;
    let at_half = single.open(args.connections, half, time).await?;
    let after =
        baseline::group_commit(folder.path(), args.connections, half, bytes, time / 2).await?;
    let bare = (before.percentile_ms(50.0) + after.percentile_ms(50.0)) / 2.0;
    let p50 = at_half.percentile_ms(50.0);
    report::figure(
        &format!("202 at {half:.0}/s, p50"),
        format!("{p50:.2} ms"),
        "< 2 ms",
    );
    report::figure(
        "bare group-committed append at the same rate, p50",
        format!("{bare:.2} ms"),
        "",
    );
    report::figure(
        "202 beside the bare append, p50",
        format!("{:.2}×", p50 / bare),
        "≤ 2×",
    );
    report::figure(
        "202, p99 (bare append p99)",
        format!(
            "{:.2} ms ({:.2} ms)",
            at_half.percentile_ms(99.0),
            after.percentile_ms(99.0)
        ),
        "",
    );
    drained(&mut client, Duration::from_secs(120)).await?;

    let batch = Load::new(&sendry, 100)?;
    let (received_before, _) = ledger(&mut client).await?;
    let began = Instant::now();
    let (latencies, took) = batch.closed(16, time).await?;
    let accepted = latencies.len() as f64 * 100.0 / took.as_secs_f64();
    let received = drained(&mut client, Duration::from_secs(300)).await?;
    let drained_rate = (received - received_before) as f64 / began.elapsed().as_secs_f64();
    report::figure(
        "events accepted in batches of 100",
        format!(
            "{accepted:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            latencies.percentile_ms(50.0),
            latencies.percentile_ms(99.0)
        ),
        "≥ 40,000/s",
    );
    report::figure(
        "of them counted, accepting and draining at once, until empty",
        format!("{drained_rate:.0}/s"),
        "≥ 20,000/s",
    );
    report::figure(
        "accepted = received",
        latencies.len() as u64 * 100 == received - received_before,
        "true",
    );
    report::figure(
        "CPU a million events, whole process so far",
        format!("{:.1} s", sendry.cpu_seconds()? / received as f64 * 1e6),
        "",
    );
    sendry.stop()?;
    Ok(())
}
