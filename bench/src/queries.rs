//! Overview and endpoints over long ranges: the time must depend on the range and the number of series, never on the
//! number of events.

mod fill;

use std::{path::Path, time::Instant};

use sendry_testkit::{client::Client, latency::Latencies, process::Sendry};

use crate::report;

/// How often each question is asked.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Times each question is asked
    #[arg(long, default_value_t = 150)]
    times: u32,
}

/// Counters of a bucket are multiplied by this: 31 days of 1,000 endpoints then stand for about 10⁶ or 10⁹ events.
const SCALES: [(u64, &str); 2] = [(1, "10⁶"), (1_000, "10⁹")];
const QUESTIONS: [(&str, &str, f64); 6] = [
    ("overview, 31 days", "/api/v1/summary?from=now-31d", 100.0),
    (
        "timeseries, 31 days",
        "/api/v1/timeseries?from=now-31d",
        100.0,
    ),
    (
        "endpoints, 31 days",
        "/api/v1/endpoints?from=now-31d",
        100.0,
    ),
    (
        "overview, 25 months",
        "/api/v1/summary?from=now-760d",
        250.0,
    ),
    (
        "timeseries, 25 months",
        "/api/v1/timeseries?from=now-760d",
        250.0,
    ),
    (
        "endpoints, 25 months",
        "/api/v1/endpoints?from=now-760d",
        250.0,
    ),
];

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    for (scale, _) in SCALES {
        let data = folder.path().join(scale.to_string());
        std::fs::create_dir(&data)?;
        fill::fill(&data.join("store.db"), scale).await?;
        let sendry = Sendry::start(binary, &data, &[])?;
        clients.push(Client::new(sendry.ready.address()?));
        servers.push(sendry);
    }
    let mut runs = vec![vec![Latencies::default(); QUESTIONS.len()]; SCALES.len()];
    for (number, (_, path, _)) in QUESTIONS.iter().enumerate() {
        // Turn by turn, so that whatever else the machine does falls on both alike. The first turn warms up.
        for turn in 0..=args.times {
            for (client, run) in clients.iter_mut().zip(&mut runs) {
                let began = Instant::now();
                client.get_json(path).await?;
                if turn > 0 {
                    run[number].record(began.elapsed());
                }
            }
        }
    }
    for server in servers {
        server.stop()?;
    }
    report::title("Queries over 1,000 endpoints (`cargo xtask bench queries`)");
    for (number, (name, _, bound)) in QUESTIONS.iter().enumerate() {
        for ((_, events), run) in SCALES.iter().zip(&runs) {
            let l = &run[number];
            let measured = format!(
                "p50 {:.1} ms, p99 {:.1} ms",
                l.percentile_ms(50.0),
                l.percentile_ms(99.0)
            );
            report::figure(
                &format!("{name}, {events} events"),
                measured,
                &format!("p99 < {bound} ms"),
            );
        }
        let ratio = runs[1][number].percentile_ms(50.0) / runs[0][number].percentile_ms(50.0);
        report::figure(
            &format!("{name}, p50 at 10⁹ beside 10⁶"),
            format!("{ratio:.2}×"),
            "≤ 1.2×",
        );
    }
    report::note(
        "Counters are scaled, not inserts: over 25 months the same rows stand for 25 times as many events.",
    );
    Ok(())
}
