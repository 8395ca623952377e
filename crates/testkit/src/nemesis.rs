//! Faults, one after the other or two at once, as a seed says.
//!
//! A schedule is a value: the same seed and the same faults give the same one, so that a run that failed can be run again.
//! Whatever is broken is healed before the next is broken.

use std::{collections::BTreeMap, fmt, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::task::block_in_place;

use crate::{
    cluster::{Cluster, Kind, Servers, Urls},
    load::Targets,
    proxy::{Direction, Proxy},
};

/// A server, and the link to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// RabbitMQ.
    Broker,
    /// PostgreSQL.
    Postgres,
    /// What speaks MongoDB's protocol.
    Mongo,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a process, which is started again.
    Kill(Kind),
    /// SIGSTOP of a process, which goes on later.
    Freeze(Kind),
    /// `kill -9` of a server, which is started again with its data.
    KillServer(Server),
    /// SIGSTOP of a server.
    FreezeServer(Server),
    /// Every connection to a server is reset.
    Cut(Server),
    /// Nothing comes through to a server.
    BlackHole(Server),
    /// What a server says does not arrive.
    Deaf(Server),
    /// Nobody listens where a server was.
    Refuse(Server),
    /// Everything to and from a server takes longer.
    Slow(Server),
    /// The broker's disk is nearly full.
    DiskAlarm,
    /// The broker's memory is.
    MemoryAlarm,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Kill(kind) => format!("kill_{kind:?}"),
            Self::Freeze(kind) => format!("freeze_{kind:?}"),
            Self::KillServer(server) => format!("kill_{server:?}"),
            Self::FreezeServer(server) => format!("freeze_{server:?}"),
            Self::Cut(server) => format!("cut_{server:?}"),
            Self::BlackHole(server) => format!("black_hole_{server:?}"),
            Self::Deaf(server) => format!("one_way_{server:?}"),
            Self::Refuse(server) => format!("refuse_{server:?}"),
            Self::Slow(server) => format!("slow_{server:?}"),
            Self::DiskAlarm => "disk_alarm".to_owned(),
            Self::MemoryAlarm => "memory_alarm".to_owned(),
        };
        f.write_str(&text.to_lowercase())
    }
}

impl Fault {
    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::DiskAlarm, Self::MemoryAlarm];
        for kind in [Kind::Ingest, Kind::Worker, Kind::Keeper] {
            all.extend([Self::Kill(kind), Self::Freeze(kind)]);
        }
        for server in [Server::Broker, Server::Postgres, Server::Mongo] {
            all.extend([
                Self::KillServer(server),
                Self::FreezeServer(server),
                Self::Cut(server),
                Self::BlackHole(server),
                Self::Deaf(server),
                Self::Refuse(server),
                Self::Slow(server),
            ]);
        }
        all
    }
}

/// One fault, or two, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before it.
    pub pause: Duration,
    /// What goes wrong.
    pub fault: Fault,
    /// A process that is killed meanwhile.
    pub also: Option<Kind>,
    /// Until it is healed.
    pub lasts: Duration,
    /// Which of several processes, from 0 to all.
    pub which: usize,
}

/// An endless schedule.
pub fn schedule(seed: u64, faults: &[Fault]) -> impl Iterator<Item = Step> + use<> {
    let mut rng = StdRng::seed_from_u64(seed);
    // Each comes once before any comes again, so that a short run has seen many.
    let mut left: Vec<Fault> = Vec::new();
    let faults = faults.to_vec();
    std::iter::from_fn(move || {
        if left.is_empty() {
            left.clone_from(&faults);
        }
        if left.is_empty() {
            return None;
        }
        let fault = left.swap_remove(rng.random_range(0..left.len()));
        let processes = [Kind::Ingest, Kind::Worker, Kind::Keeper];
        let killed = processes.choose(&mut rng).copied();
        Some(Step {
            pause: Duration::from_millis(rng.random_range(50..1_500)),
            fault,
            also: killed.filter(|_| rng.random_bool(0.25)),
            lasts: Duration::from_millis(rng.random_range(20..4_000)),
            which: rng.random_range(0..16),
        })
    })
}

/// The links from the processes to the servers.
#[derive(Debug)]
pub struct Links {
    /// To RabbitMQ.
    pub broker: Proxy,
    /// To PostgreSQL.
    pub postgres: Proxy,
    /// To MongoDB.
    pub mongo: Proxy,
}

impl Links {
    /// Whole links to `servers`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(servers: &Servers) -> anyhow::Result<Self> {
        let local = |port: u16| ([127, 0, 0, 1], port).into();
        Ok(Self {
            broker: Proxy::start(local(servers.rabbit.port())).await?,
            postgres: Proxy::start(local(servers.postgres.port())).await?,
            mongo: Proxy::start(local(servers.mongo.port())).await?,
        })
    }

    /// The servers' addresses by these links. The management API stays reachable.
    #[must_use]
    pub fn urls(&self, direct: &Urls) -> Urls {
        Urls {
            queue: self.broker.through(&direct.queue),
            postgres: self.postgres.through(&direct.postgres),
            mongodb: self.mongo.through(&direct.mongodb),
            ..direct.clone()
        }
    }

    fn to(&self, server: Server) -> &Proxy {
        match server {
            Server::Broker => &self.broker,
            Server::Postgres => &self.postgres,
            Server::Mongo => &self.mongo,
        }
    }
}

/// What may be broken.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The servers.
    pub servers: &'a mut Servers,
    /// The processes.
    pub cluster: &'a mut Cluster,
    /// The links between them.
    pub links: &'a Links,
    /// Told where ingests are.
    pub targets: &'a Targets,
    /// How often each fault was done.
    pub done: BTreeMap<String, u64>,
}

impl Stage<'_> {
    /// Breaks and heals.
    ///
    /// # Errors
    /// When something cannot be broken, or does not come back.
    pub async fn play(&mut self, step: Step) -> anyhow::Result<()> {
        tokio::time::sleep(step.pause).await;
        let also = step.also.map(Fault::Kill);
        let faults: Vec<Fault> = [Some(step.fault), also].into_iter().flatten().collect();
        for fault in &faults {
            *self.done.entry(fault.to_string()).or_default() += 1;
            block_in_place(|| self.begin(*fault, step.which))?;
        }
        tokio::time::sleep(step.lasts).await;
        for fault in &faults {
            block_in_place(|| self.heal(*fault, step.which))?;
        }
        self.targets.set(self.cluster.ingests());
        Ok(())
    }

    /// The process of a kind that a step means.
    fn name(&self, kind: Kind, which: usize) -> anyhow::Result<String> {
        let names = self.cluster.names(kind);
        let name = names.get(which % names.len().max(1));
        name.cloned()
            .ok_or_else(|| anyhow::anyhow!("there is no {kind:?} to break"))
    }

    fn begin(&mut self, fault: Fault, which: usize) -> anyhow::Result<()> {
        match fault {
            Fault::Kill(kind) => {
                let name = self.name(kind, which)?;
                self.cluster.member(&name)?.kill()?;
            }
            Fault::Freeze(kind) => {
                let name = self.name(kind, which)?;
                self.cluster.member(&name)?.freeze();
            }
            Fault::KillServer(Server::Broker) => self.servers.rabbit.kill()?,
            Fault::KillServer(Server::Postgres) => self.servers.postgres.kill()?,
            Fault::KillServer(Server::Mongo) => self.servers.mongo.kill()?,
            Fault::FreezeServer(Server::Broker) => self.servers.rabbit.pause(),
            Fault::FreezeServer(Server::Postgres) => self.servers.postgres.pause(),
            Fault::FreezeServer(Server::Mongo) => self.servers.mongo.pause(),
            Fault::Cut(server) => self.links.to(server).cut(),
            Fault::BlackHole(server) => self.links.to(server).black_hole(true),
            Fault::Deaf(server) => self.links.to(server).one_way(Some(Direction::In)),
            Fault::Refuse(server) => {
                self.links.to(server).refuse(true);
                self.links.to(server).cut();
            }
            Fault::Slow(server) => self.links.to(server).delay(Duration::from_millis(150)),
            Fault::DiskAlarm => self.tell_broker(&["set_disk_free_limit", "900000GB"])?,
            Fault::MemoryAlarm => self.tell_broker(&["set_vm_memory_high_watermark", "0.00001"])?,
        }
        Ok(())
    }

    fn heal(&mut self, fault: Fault, which: usize) -> anyhow::Result<()> {
        match fault {
            Fault::Kill(kind) => {
                let name = self.name(kind, which)?;
                self.cluster.member(&name)?.start()?;
            }
            Fault::Freeze(kind) => {
                let name = self.name(kind, which)?;
                self.cluster.member(&name)?.thaw();
            }
            Fault::KillServer(Server::Broker) => self.servers.rabbit.restart()?,
            Fault::KillServer(Server::Postgres) => self.servers.postgres.restart()?,
            Fault::KillServer(Server::Mongo) => self.servers.mongo.restart()?,
            Fault::FreezeServer(Server::Broker) => self.servers.rabbit.resume(),
            Fault::FreezeServer(Server::Postgres) => self.servers.postgres.resume(),
            Fault::FreezeServer(Server::Mongo) => self.servers.mongo.resume(),
            Fault::Cut(server)
            | Fault::BlackHole(server)
            | Fault::Deaf(server)
            | Fault::Refuse(server)
            | Fault::Slow(server) => self.links.to(server).resume(),
            Fault::DiskAlarm => self.tell_broker(&["set_disk_free_limit", "50MB"])?,
            Fault::MemoryAlarm => self.tell_broker(&["set_vm_memory_high_watermark", "0.4"])?,
        }
        Ok(())
    }

    fn tell_broker(&self, args: &[&str]) -> anyhow::Result<()> {
        self.servers.rabbit.ctl(args).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_schedule_in_which_each_fault_comes_before_any_comes_again() {
        let all = Fault::all();
        let steps: Vec<Step> = schedule(7, &all).take(3 * all.len()).collect();
        assert_eq!(
            steps,
            schedule(7, &all).take(3 * all.len()).collect::<Vec<_>>()
        );
        assert_ne!(
            steps,
            schedule(8, &all).take(3 * all.len()).collect::<Vec<_>>()
        );
        for round in steps.chunks(all.len()) {
            assert!(
                all.iter()
                    .all(|fault| round.iter().any(|step| step.fault == *fault))
            );
        }
        assert_eq!(schedule(7, &[]).count(), 0);
    }

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        let mut names: Vec<String> = Fault::all().iter().map(ToString::to_string).collect();
        assert!(names.contains(&"kill_postgres".to_owned()), "{names:?}");
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
