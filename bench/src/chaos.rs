//! Kills of everything, under load, on the real servers: workers, keeper, ingests, broker, PostgreSQL and the MongoDB server
//! side by side, each by a thread of its own, at moments chosen by the seed. Afterwards the oracle compares every event.

mod killers;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::ensure;
use sendry_domain::{id::TenantId, time::UnixMillis};
use sendry_store::MetricStore;
use sendry_testkit::{
    cluster::{Cluster, Kind, Servers},
    journal::Journal,
    load::{self, Options, Stop, Targets, Tenant},
    oracle,
};
use serde_json::json;

use crate::{kill::now, report};
use killers::{Killers, Plan};

/// How long everything may take to be counted after the last fault.
const DRAIN: Duration = Duration::from_secs(300);
/// Event times lie so far before the start, at most, and retries come after it.
const BEFORE: i64 = 3 * 3_600_000;

/// How often to kill what, and from which seed.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Kills of workers
    #[arg(long, default_value_t = 1_000)]
    workers: u32,
    /// Kills of the keeper
    #[arg(long, default_value_t = 50)]
    keepers: u32,
    /// Kills of ingests
    #[arg(long, default_value_t = 200)]
    ingests: u32,
    /// Kills of RabbitMQ
    #[arg(long, default_value_t = 50)]
    brokers: u32,
    /// Kills of PostgreSQL
    #[arg(long, default_value_t = 100)]
    postgres: u32,
    /// Kills of the MongoDB server
    #[arg(long, default_value_t = 100)]
    mongodb: u32,
    /// Go on sending until so many events were sent, also after the last kill
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Clients that send side by side
    #[arg(long, default_value_t = 4)]
    clients: u64,
    /// Milliseconds between two requests of a client
    #[arg(long, default_value_t = 15)]
    pause_ms: u64,
    /// Seed of what is sent and when is killed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep journals and logs there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = args
        .keep
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let servers = Servers::start(&folder)?;
    let urls = servers.room("chaos").await?;
    let mut cluster = Cluster::new(binary, &folder.join("logs"), &urls)?;
    let tenants = ["acme", "globex", "initech"].map(|name| -> anyhow::Result<Tenant> {
        let api_key = cluster.tenant(name)?;
        Ok(Tenant {
            name: name.to_owned(),
            api_key,
        })
    });
    let tenants: Vec<_> = tenants.into_iter().collect::<Result<_, _>>()?;
    for (name, kind) in [
        ("worker-1", Kind::Worker),
        ("worker-2", Kind::Worker),
        ("worker-3", Kind::Worker),
        ("keeper", Kind::Keeper),
        ("ingest-1", Kind::Ingest),
        ("ingest-2", Kind::Ingest),
    ] {
        cluster.start(name, kind, &urls, &[])?;
    }

    let (targets, stop, started_at) = (Targets::at(cluster.ingests()), Stop::default(), now());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..args.clients {
        let options = Options {
            storms: 0.05,
            conflicts: 0.2,
            unnamed: 0.05,
            pause: Duration::from_millis(args.pause_ms),
            ..Options::new(tenants.clone(), client, args.seed, started_at)
        };
        let journal = Journal::create(&folder.join(format!("{client}.journal")))?;
        clients.spawn(load::run(targets.clone(), options, stop.clone(), journal));
    }
    let began = Instant::now();
    let plan = Plan {
        workers: args.workers,
        keepers: args.keepers,
        ingests: args.ingests,
        brokers: args.brokers,
        postgres: args.postgres,
        mongodb: args.mongodb,
        seed: args.seed,
    };
    let killers = Killers::start(plan, &mut cluster, servers, targets.clone())?;
    let (servers, faults) = tokio::task::spawn_blocking(move || killers.join()).await??;
    let last_fault = Instant::now();
    for (name, member) in faults.members {
        cluster.give(&name, member);
    }
    targets.set(cluster.ingests());
    let (counts, raw) = cluster.stores().await?;
    while counted(&counts, &tenants).await? < args.events {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stop.stop();
    let mut journal = Journal::default();
    while let Some(part) = clients.join_next().await {
        journal.merge(part??);
    }
    let loaded_for = last_fault.elapsed();
    let drained_in = cluster.drained(DRAIN).await?;
    let (from, to) = (
        UnixMillis(started_at - BEFORE),
        UnixMillis(now() + 3_600_000),
    );
    let verdict = oracle::judge(&counts, &raw, &journal, from, to).await?;

    report::title(&format!("Chaos (`cargo xtask chaos --seed {}`)", args.seed));
    for (what, kills) in &faults.kills {
        report::figure(&format!("`kill -9` of {what}"), kills, "");
    }
    report::figure(
        "under faults for",
        format!("{:.0} s", began.elapsed().as_secs_f64()),
        "",
    );
    report::figure("events sent", journal.len(), "≥ 1,000,000 confirmed");
    report::figure(
        "oracle",
        &verdict,
        "lost = duplicated = unexpected = cells_wrong = residual = 0",
    );
    report::figure(
        "drained after the last fault",
        format!(
            "{:.1} s, load going on for {:.1} s of them",
            (loaded_for + drained_in).as_secs_f64(),
            loaded_for.as_secs_f64()
        ),
        "≤ 60 s",
    );
    report::note(json!({ "seed": args.seed, "faults": faults.kills, "oracle": &verdict }));
    cluster.stop()?;
    drop(servers);
    ensure!(
        verdict.is_clean(),
        "the oracle found: {verdict}\n{:?}\n{}",
        verdict.examples,
        cluster.logs()
    );
    Ok(())
}

/// Events of all tenants that are counted.
async fn counted(counts: &dyn MetricStore, tenants: &[Tenant]) -> anyhow::Result<u64> {
    let mut sum = 0;
    for tenant in tenants {
        let view = counts.ledger(&TenantId::new(&tenant.name)?).await?;
        sum += view.tally.counted.unsigned_abs();
    }
    Ok(sum)
}
