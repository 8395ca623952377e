//! Threads that kill, each one thing, each at moments of its own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sendry_testkit::{
    cluster::{Cluster, Kind, Member, Servers},
    load::Targets,
};

/// How often to kill what.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub workers: u32,
    pub keepers: u32,
    pub ingests: u32,
    pub brokers: u32,
    pub postgres: u32,
    pub mongodb: u32,
    pub seed: u64,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Faults {
    /// Kills by what was killed.
    pub kills: BTreeMap<&'static str, u32>,
    /// The processes, running again.
    pub members: Vec<(String, Member)>,
}

/// The threads while they run.
pub struct Killers {
    members: Vec<(
        &'static str,
        u32,
        String,
        JoinHandle<anyhow::Result<Member>>,
    )>,
    servers: [(&'static str, u32); 3],
    broker: JoinHandle<anyhow::Result<sendry_testkit::cluster::RabbitMq>>,
    postgres: JoinHandle<anyhow::Result<sendry_testkit::cluster::Postgres>>,
    mongodb: JoinHandle<anyhow::Result<sendry_testkit::cluster::Mongo>>,
}

impl Killers {
    /// Takes the processes out of the cluster and begins.
    ///
    /// # Errors
    /// When a process is not there.
    pub fn start(
        plan: Plan,
        cluster: &mut Cluster,
        servers: Servers,
        targets: Targets,
    ) -> anyhow::Result<Self> {
        let addresses: Arc<Mutex<BTreeMap<String, SocketAddr>>> = Arc::default();
        let failed: Failed = Arc::default();
        let mut members = Vec::new();
        let kinds = [
            ("a worker", Kind::Worker, plan.workers, 100..1_000),
            ("a keeper", Kind::Keeper, plan.keepers, 2_000..12_000),
            ("an ingest", Kind::Ingest, plan.ingests, 1_000..7_000),
        ];
        let mut salt = plan.seed;
        for (what, kind, kills, pauses) in kinds {
            let names = cluster.names(kind);
            for (number, name) in names.iter().enumerate() {
                let share = share(kills, number, names.len());
                salt = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
                let (mut member, mut rng) = (cluster.take(name)?, StdRng::seed_from_u64(salt));
                let (pauses, targets, addresses) =
                    (pauses.clone(), targets.clone(), addresses.clone());
                let own = name.clone();
                if let Ok(address) = member.address() {
                    lock(&addresses).insert(own.clone(), address);
                }
                let failed = failed.clone();
                let thread = std::thread::spawn(move || {
                    for _ in 0..share {
                        if failed.load(Ordering::Relaxed) {
                            break;
                        }
                        pause(&mut rng, &pauses);
                        // It is ready once the servers are: they may be away for a while.
                        noted(&failed, member.kill().and_then(|()| revive(&mut member)))?;
                        if let Ok(address) = member.address() {
                            let mut all = lock(&addresses);
                            all.insert(own.clone(), address);
                            targets.set(all.values().copied());
                        }
                    }
                    Ok(member)
                });
                members.push((what, share, name.clone(), thread));
            }
        }
        let Servers {
            rabbit,
            postgres,
            mongo,
        } = servers;
        let rng = |n: u64| StdRng::seed_from_u64(plan.seed.wrapping_add(n));
        Ok(Self {
            members,
            servers: [
                ("RabbitMQ", plan.brokers),
                ("PostgreSQL", plan.postgres),
                ("the MongoDB server", plan.mongodb),
            ],
            broker: server(&failed, rabbit, plan.brokers, rng(101), 2_000..8_000, |s| {
                s.kill()?;
                s.restart()
            }),
            postgres: server(
                &failed,
                postgres,
                plan.postgres,
                rng(102),
                2_000..8_000,
                |s| {
                    s.kill()?;
                    s.restart()
                },
            ),
            mongodb: server(&failed, mongo, plan.mongodb, rng(103), 2_000..8_000, |s| {
                s.kill()?;
                s.restart()
            }),
        })
    }

    /// Waits until all have done what they were to do.
    ///
    /// # Errors
    /// When one could not start again what it had killed.
    pub fn join(self) -> anyhow::Result<(Servers, Faults)> {
        let mut faults = Faults::default();
        // The servers first: a process that does not get ready is most often one whose server is gone.
        let (broker, postgres, mongodb) = (
            joined(self.broker),
            joined(self.postgres),
            joined(self.mongodb),
        );
        let servers = Servers {
            rabbit: broker?,
            postgres: postgres?,
            mongo: mongodb?,
        };
        for (what, kills, name, thread) in self.members {
            *faults.kills.entry(what).or_default() += kills;
            faults.members.push((name, joined(thread)?));
        }
        faults.kills.extend(self.servers);
        Ok((servers, faults))
    }
}

/// Something could not be started again: there is no use in going on.
type Failed = Arc<AtomicBool>;

fn noted(failed: &Failed, done: anyhow::Result<()>) -> anyhow::Result<()> {
    if done.is_err() {
        failed.store(true, Ordering::Relaxed);
    }
    done
}

/// Kills a server and starts it again, so often.
fn server<S: Send + 'static>(
    failed: &Failed,
    mut server: S,
    kills: u32,
    mut rng: StdRng,
    pauses: std::ops::Range<u64>,
    again: impl Fn(&mut S) -> anyhow::Result<()> + Send + 'static,
) -> JoinHandle<anyhow::Result<S>> {
    let failed = failed.clone();
    std::thread::spawn(move || {
        for _ in 0..kills {
            if failed.load(Ordering::Relaxed) {
                break;
            }
            pause(&mut rng, &pauses);
            noted(&failed, again(&mut server))?;
        }
        Ok(server)
    })
}

/// Starts a process until it is ready: with every server being killed, a start may meet one that is away.
fn revive(member: &mut Member) -> anyhow::Result<()> {
    const TRIES: u32 = 10;
    let mut last = None;
    for _ in 0..TRIES {
        match member.start() {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("no try")?)
}

fn joined<T>(thread: JoinHandle<anyhow::Result<T>>) -> anyhow::Result<T> {
    thread
        .join()
        .map_err(|_| anyhow::anyhow!("a thread that kills panicked"))?
}

/// An equal share of `all` for the `number`-th of `count`.
fn share(all: u32, number: usize, count: usize) -> u32 {
    let (number, count) = (number as u32, count.max(1) as u32);
    all / count + u32::from(number < all % count)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, whose random pauses are the experiment"
)]
fn pause(rng: &mut StdRng, millis: &std::ops::Range<u64>) {
    std::thread::sleep(Duration::from_millis(rng.random_range(millis.clone())));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
