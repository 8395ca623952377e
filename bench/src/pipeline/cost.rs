//! Time of the processor, by process.

use std::{collections::BTreeMap, time::Duration};

use sendry_servers::process::Id;
use sendry_testkit::{
    cluster::{Cluster, Servers},
    process::cpu_seconds,
};

/// What was used when a phase began.
pub struct Cost(BTreeMap<&'static str, f64>);

impl Cost {
    /// From now on.
    pub fn begin(cluster: &mut Cluster, servers: &Servers) -> anyhow::Result<Self> {
        Ok(Self(used(cluster, servers)?))
    }

    /// Seconds used since, by process.
    pub fn end(
        self,
        cluster: &mut Cluster,
        servers: &Servers,
    ) -> anyhow::Result<BTreeMap<&'static str, f64>> {
        let mut now = used(cluster, servers)?;
        for (process, seconds) in &mut now {
            *seconds -= self.0.get(process).copied().unwrap_or(0.0);
        }
        Ok(now)
    }
}

fn used(cluster: &mut Cluster, servers: &Servers) -> anyhow::Result<BTreeMap<&'static str, f64>> {
    let mut used = BTreeMap::new();
    for name in ["ingest", "worker", "keeper", "analytics"] {
        used.insert(name, cluster.member(name)?.cpu_seconds()?);
    }
    let servers_ids = [
        (
            "RabbitMQ",
            Id::of(servers.rabbit.pid()).into_iter().collect(),
        ),
        (
            "PostgreSQL",
            Id::of(servers.postgres.pid()).into_iter().collect(),
        ),
        ("the MongoDB server", servers.mongo.ids()),
    ];
    for (name, ids) in servers_ids {
        used.insert(name, family(&ids));
    }
    Ok(used)
}

/// A server and all processes it started. Those that ended meanwhile are not seen.
fn family(ids: &[Id]) -> f64 {
    let all = ids.iter().flat_map(|id| id.family());
    all.filter_map(|id| cpu_seconds(id.pid).ok()).sum()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own that holds a process to a share of its time"
)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
