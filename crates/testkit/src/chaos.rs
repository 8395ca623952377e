//! A whole run: servers, processes, clients and faults, and the oracle's word at the end.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use sendry_domain::time::UnixMillis;
use serde::Serialize;
use tokio::task::{JoinSet, block_in_place};

use crate::{
    cluster::{Cluster, Kind, Servers},
    journal::Journal,
    load::{self, Options, Stop, Targets, Tenant},
    nemesis::{Fault, Links, Stage, schedule},
    oracle::{self, Verdict},
};

/// From the last fault to empty queues.
const DRAIN: Duration = Duration::from_secs(120);
/// Faults end this long before the clients stop.
const QUIET: Duration = Duration::from_millis(500);

/// What a run is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides faults and load.
    pub seed: u64,
    /// Which faults.
    pub faults: Vec<Fault>,
    /// How many of them; fewer when time is up.
    pub steps: usize,
    /// No fault begins after that time.
    pub time: Duration,
    /// The present, for event times.
    pub now_ms: i64,
    /// Clients side by side.
    pub clients: u64,
    /// Ingests and workers; one keeper beside.
    pub processes: usize,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// With which it can be run again.
    pub seed: u64,
    /// How often each fault was done.
    pub faults: BTreeMap<String, u64>,
    /// From the last fault to empty queues.
    pub drained_ms: u128,
    /// What the oracle found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Report {
    /// One line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Runs it in `folder`, where logs and journals stay.
///
/// # Errors
/// When something does not come up or come back, with the ends of all logs.
pub async fn run(binary: &Path, folder: &Path, plan: &Plan) -> anyhow::Result<Report> {
    let mut servers = block_in_place(|| Servers::start(folder))?;
    let direct = servers.room("chaos").await?;
    let links = Links::start(&servers).await?;
    let logs = folder.join("processes");
    let mut cluster = block_in_place(|| Cluster::new(binary, &logs, &direct))?;
    let outcome = act(&mut servers, &mut cluster, &links, folder, plan, &direct).await;
    outcome.map_err(|error| anyhow::anyhow!("{error:#}\n{}", cluster.logs()))
}

async fn act(
    servers: &mut Servers,
    cluster: &mut Cluster,
    links: &Links,
    folder: &Path,
    plan: &Plan,
    direct: &crate::cluster::Urls,
) -> anyhow::Result<Report> {
    let tenants = ["acme", "globex", "initech"].map(|name| {
        let api_key = block_in_place(|| cluster.tenant(name))?;
        anyhow::Ok(Tenant {
            name: name.to_owned(),
            api_key,
        })
    });
    let tenants = tenants.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let urls = links.urls(direct);
    // Workers first: they declare the queues.
    for kind in [Kind::Worker, Kind::Keeper, Kind::Ingest] {
        let count = if kind == Kind::Keeper {
            1
        } else {
            plan.processes
        };
        for number in 0..count {
            let name = format!("{kind:?}-{number}").to_lowercase();
            block_in_place(|| cluster.start(&name, kind, &urls, &[]))?;
        }
    }
    let (targets, stop) = (Targets::at(cluster.ingests()), Stop::default());
    let mut clients = JoinSet::new();
    for client in 0..plan.clients {
        let options = Options {
            storms: 0.3,
            conflicts: 0.3,
            unnamed: 0.1,
            events: 20,
            pause: Duration::from_millis(40),
            ..Options::new(tenants.clone(), client, plan.seed, plan.now_ms)
        };
        let journal = Journal::create(&folder.join(format!("{client}.journal")))?;
        clients.spawn(load::run(targets.clone(), options, stop.clone(), journal));
    }
    let began = Instant::now();
    let mut stage = Stage {
        servers,
        cluster,
        links,
        targets: &targets,
        done: BTreeMap::new(),
    };
    for step in schedule(plan.seed, &plan.faults).take(plan.steps) {
        if began.elapsed() > plan.time {
            break;
        }
        stage.play(step).await?;
    }
    let faults = stage.done;
    let last = Instant::now();
    tokio::time::sleep(QUIET).await;
    stop.stop();
    let mut journal = Journal::default();
    while let Some(part) = clients.join_next().await {
        journal.merge(part??);
    }
    cluster.drained(DRAIN).await?;
    let drained_ms = last.elapsed().as_millis();
    let verdict = settled(cluster, &journal, plan.now_ms).await?;
    Ok(Report {
        seed: plan.seed,
        faults,
        drained_ms,
        verdict,
    })
}

/// The verdict; once more a little later if it is not clean, since the broker's word that nothing waits is some seconds
/// old. What is wrong stays wrong.
async fn settled(cluster: &Cluster, journal: &Journal, now_ms: i64) -> anyhow::Result<Verdict> {
    let (metrics, raw) = cluster.stores().await?;
    let (from, to) = (
        UnixMillis(now_ms - 3 * 3_600_000),
        UnixMillis(now_ms + 3_600_000),
    );
    let verdict = oracle::judge(&metrics, &raw, journal, from, to).await?;
    if verdict.is_clean() {
        return Ok(verdict);
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    cluster.drained(DRAIN).await?;
    oracle::judge(&metrics, &raw, journal, from, to).await
}
