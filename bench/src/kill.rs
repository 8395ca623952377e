//! kill -9 of `sendry up` at random moments under load, with clients that journal every attempt and retry.

use std::{
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anyhow::ensure;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sendry_domain::time::UnixMillis;
use sendry_store::adapters::sqlite::SqliteStore;
use sendry_testkit::{
    client::Client,
    journal::Journal,
    load::{self, Options, Stop, Targets, Tenant},
    oracle,
    process::Sendry,
};

use crate::{report, rig::drained};

/// How often, and from which seed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Kills
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Clients that send side by side
    #[arg(long, default_value_t = 8)]
    clients: u64,
    /// Seed of what is sent and when is killed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let now = now();
    let mut rng = StdRng::seed_from_u64(args.seed);
    let mut sendry = Sendry::start(binary, &data, &[])?;
    let targets = Targets::at([sendry.ready.address()?]);
    let tenant = Tenant {
        name: sendry.ready.tenant.clone(),
        api_key: sendry.ready.api_key.clone(),
    };
    let stop = Stop::default();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..args.clients {
        let options = Options::new(vec![tenant.clone()], client, args.seed, now);
        let journal = Journal::create(&folder.path().join(format!("{client}.journal")))?;
        clients.spawn(load::run(targets.clone(), options, stop.clone(), journal));
    }
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    for _ in 0..args.rounds {
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..700))).await;
        sendry.kill()?;
        sendry = Sendry::start(binary, &data, &[])?;
        slowest = slowest.max(sendry.started_in);
        targets.set([sendry.ready.address()?]);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.stop();
    let mut journal = Journal::default();
    while let Some(part) = clients.join_next().await {
        journal.merge(part??);
    }
    let last_fault = Instant::now();
    drained(
        &mut Client::new(sendry.ready.address()?),
        Duration::from_secs(120),
    )
    .await?;
    let drained_in = last_fault.elapsed();
    sendry.stop()?;

    let store = SqliteStore::open(&data.join("store.db"), Default::default())?;
    let (from, to) = (UnixMillis(now - 3 * 3_600_000), UnixMillis(now + 3_600_000));
    let verdict = oracle::judge(&store, &store, &journal, from, to).await?;
    report::title(&format!(
        "Kills (`cargo xtask bench kill --rounds {} --seed {}`)",
        args.rounds, args.seed
    ));
    report::figure(
        "kill -9 under load",
        format!("{} in {:.0} s", args.rounds, began.elapsed().as_secs_f64()),
        "50",
    );
    report::figure("events sent", journal.len(), "");
    report::figure(
        "oracle",
        &verdict,
        "lost = duplicated = unexpected = cells_wrong = residual = 0",
    );
    report::figure(
        "slowest start after a kill",
        format!("{:.2} s", slowest.as_secs_f64()),
        "",
    );
    report::figure(
        "drained after the last kill",
        format!("{:.1} s", drained_in.as_secs_f64()),
        "≤ 60 s",
    );
    ensure!(verdict.is_clean(), "the oracle found: {verdict}");
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the load needs event times inside the real server's window"
)]
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as i64)
}
