//! The four servers that everybody uses: started once, found by every test, stopped by who is last.
//!
//! What runs is written down: addresses in `running.env` for tests, processes in `running.json` for us. Who uses them
//! holds a lock; servers that a run started for itself end with the last run that uses them, those that a person started
//! stay until that person says so.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::{
    Server, Tell, folder,
    install::{self, Part, sid},
    kube, machine, probe,
    process::Id,
    running_file,
};

mod record;
mod starting;

pub use record::{Record, Running, address_in};

/// How long an orderly end may take.
const STOP: Duration = Duration::from_secs(20);

/// What there is of a server.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which.
    pub server: Server,
    /// Where, if anybody knows.
    pub url: Option<String>,
    /// Whether the environment names it.
    pub named: bool,
    /// Its processes, if we started it.
    pub pids: Vec<u32>,
    /// Why it does not answer.
    pub failure: Option<String>,
}

/// Installs and starts what is not there; `keep` says that they stay until [`down`].
///
/// # Errors
/// With a sentence that names the server and what to do.
pub fn up(keep: bool, tell: Tell<'_>) -> anyhow::Result<()> {
    let parts = wanted()?;
    if parts.is_empty() {
        tell("servers: all are named by variables; none is started");
        return Ok(());
    }
    let _alone = alone()?;
    let record = Record::read();
    // Without its file nobody would find them.
    let text = fs::read_to_string(running_file()).unwrap_or_default();
    let runs = |part: &Part| {
        let mut servers = part.servers().iter();
        servers.all(|server| {
            address_in(&text, *server).is_some_and(|url| answers(*server, &url).is_ok())
        })
    };
    let (up, away): (Vec<Part>, Vec<Part>) = parts.iter().partition(|part| runs(part));
    let mut record = record.unwrap_or_default();
    let changes = keep && !record.keep;
    record.keep |= keep;
    if away.is_empty() {
        tell("servers: all run already");
        return if changes { record.write() } else { Ok(()) };
    }
    if !up.is_empty() {
        let up: Vec<&str> = up.into_iter().map(Part::name).collect();
        tell(&format!("servers: {} already up, and stay", up.join(", ")));
    }
    // Others may be using those that run.
    let (dead, stay) = record
        .servers
        .drain(..)
        .partition(|running| away.contains(&running.part));
    record.servers = stay;
    end(dead, tell)?;
    record.write()?;
    install::install(&away, tell)?;
    let began = Instant::now();
    record
        .servers
        .extend(starting::start(&away, &data(), tell)?);
    record.write()?;
    tell(&format!(
        "servers: all run after {:.0} s; their addresses are in {}",
        began.elapsed().as_secs_f64(),
        running_file().display()
    ));
    Ok(())
}

/// Stops what we started.
///
/// # Errors
/// When a process stays.
pub fn down(tell: Tell<'_>) -> anyhow::Result<()> {
    let _alone = alone()?;
    if Record::read().is_none() {
        tell("servers: none of ours run");
        return Ok(());
    }
    clear(tell)
}

/// What there is of each.
#[must_use]
pub fn status() -> Vec<Status> {
    let text = fs::read_to_string(running_file()).unwrap_or_default();
    let record = Record::read();
    let one = |server: Server| {
        let named = server.named();
        let is_named = named.is_some();
        let url = named.or_else(|| address_in(&text, server));
        let ours = record.iter().flat_map(|record| &record.servers);
        let pids = ours
            .filter(|running| !is_named && running.part.servers().contains(&server))
            .flat_map(|running| running.processes.iter().map(|id| id.pid))
            .collect();
        let failure = match &url {
            None => Some("not started".to_owned()),
            Some(url) => answers(server, url).err().map(|error| format!("{error:#}")),
        };
        Status {
            server,
            url,
            named: is_named,
            pids,
            failure,
        }
    };
    Server::ALL.into_iter().map(one).collect()
}

/// The right to use them: who holds one finds them running.
#[derive(Debug)]
pub struct Lease {
    used: Option<File>,
}

/// Starts what is not there, for as long as somebody uses it.
///
/// # Errors
/// As [`up`].
pub fn lease(tell: Tell<'_>) -> anyhow::Result<Lease> {
    if wanted()?.is_empty() {
        up(false, tell)?;
        return Ok(Lease { used: None });
    }
    fs::create_dir_all(folder())?;
    let used = File::create(folder().join("in-use.lock"))?;
    used.lock_shared()
        .context("failed to say that the servers are used")?;
    up(false, tell)?;
    Ok(Lease { used: Some(used) })
}

impl Lease {
    /// Gives the right back; who is last stops what no person asked for.
    ///
    /// # Errors
    /// When a process stays.
    pub fn end(self, tell: Tell<'_>) -> anyhow::Result<()> {
        let Some(used) = self.used else {
            return Ok(());
        };
        used.unlock()?;
        let record = Record::read();
        if record.is_some_and(|record| !record.keep) && used.try_lock().is_ok() {
            down(tell)?;
        }
        Ok(())
    }
}

/// The servers that no variable names.
fn wanted() -> anyhow::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for part in Part::ALL {
        let named = part.servers().iter().filter(|s| s.named().is_some());
        match named.count() {
            0 => parts.push(part),
            count => ensure!(
                count == part.servers().len(),
                "{} is named by one variable and not by the other: set {}",
                part.name(),
                part.servers()
                    .iter()
                    .map(|server| server.variable())
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        }
    }
    Ok(parts)
}

fn answers(server: Server, url: &str) -> anyhow::Result<()> {
    let socket = || record::socket(url);
    match server {
        Server::Amqp => probe::amqp(socket()?),
        Server::RabbitManagement => probe::connect(socket()?).map(drop),
        Server::Postgres => probe::connect(socket()?).map(drop),
        Server::Mongodb => probe::mongodb(socket()?),
        Server::Kubernetes => kube::is_ready(Path::new(url)),
    }
}

/// Ends all processes of the record, and removes data and record.
fn clear(tell: Tell<'_>) -> anyhow::Result<()> {
    let Some(record) = Record::read() else {
        return Ok(());
    };
    end(record.servers, tell)?;
    let _ = fs::remove_dir_all(data());
    Record::remove();
    Ok(())
}

/// Ends servers, and removes their data.
fn end(servers: Vec<Running>, tell: Tell<'_>) -> anyhow::Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = servers
            .iter()
            .map(|running| scope.spawn(|| running.stop(STOP)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            let stopped = thread.join();
            stopped.unwrap_or_else(|_| anyhow::bail!("a stop broke off"))
        })
    })
    .context("failed to stop a server")?;
    for running in servers {
        let _ = fs::remove_dir_all(data().join(folder_of(running.part)));
        if let Some(folder) = running.inside {
            sid::discard(&folder);
        }
    }
    tell(&format!(
        "servers: stopped in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// As each server calls its folder below the one that it is given.
fn folder_of(part: Part) -> &'static str {
    match part {
        Part::RabbitMq => "rabbitmq",
        Part::Postgres => "postgres",
        Part::Mongodb => "mongodb",
        Part::Kubernetes | Part::Node => "kube",
    }
}

/// Where the shared ones keep their data. Another cache has others.
fn data() -> PathBuf {
    let folder = folder();
    let sum = folder
        .to_string_lossy()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    machine::data_folder(&format!("sendry-servers-{:08x}", sum >> 32))
}

fn alone() -> anyhow::Result<File> {
    fs::create_dir_all(folder())
        .with_context(|| format!("failed to make {}", folder().display()))?;
    let lock = File::create(folder().join("services.lock"))?;
    lock.lock()
        .context("failed to wait for another run that starts or stops the servers")?;
    Ok(lock)
}

/// Processes of one server, to be ended by number.
impl Running {
    fn stop(&self, patience: Duration) -> anyhow::Result<()> {
        self.processes.iter().try_for_each(|id: &Id| {
            id.resume();
            match self.part {
                // Its data go with it, and in order it takes 12 s.
                Part::RabbitMq => id.kill(),
                // At once, and yet it takes its shared memory away.
                Part::Postgres => id.stop("QUIT", patience),
                Part::Mongodb => id.stop("TERM", patience),
                // Nothing of it is anywhere but in its data.
                Part::Kubernetes | Part::Node => id.kill(),
            }
        })
    }
}
