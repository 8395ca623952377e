//! One process of a cluster, by the child we hold.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use sendry_servers::process::{self, Id};
use serde::Deserialize;

use super::Urls;
use crate::{
    client::Client,
    process::{pause, tail},
};

/// How long a start may take.
const DEADLINE: Duration = Duration::from_secs(40);
/// How long an orderly stop may take: a pod of a worker is given as much.
const STOP: Duration = Duration::from_secs(60);

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Accepts events.
    Ingest,
    /// Counts what comes to pipelines.
    Worker,
    /// Counts what was parked; housekeeping.
    Keeper,
    /// Answers questions.
    Analytics,
}

#[derive(Clone, Debug, Deserialize)]
struct Ready {
    /// Absent for processes that only have an admin listener.
    address: Option<String>,
    admin: String,
}

/// A process that can be started again and again with the same arguments.
#[derive(Debug)]
pub struct Member {
    kind: Kind,
    binary: PathBuf,
    args: Vec<String>,
    ready_file: PathBuf,
    log: PathBuf,
    running: Option<(Child, Ready)>,
    /// Time used by the children before this one.
    cpu_before: f64,
}

impl Member {
    pub(super) fn new(
        binary: &Path,
        folder: &Path,
        name: &str,
        kind: Kind,
        urls: &Urls,
        extra: &[&str],
    ) -> Self {
        let command = match kind {
            Kind::Ingest => "ingest",
            Kind::Worker | Kind::Keeper => "worker",
            Kind::Analytics => "analytics",
        };
        let ready_file = folder.join(format!("{name}.json"));
        let mut args = vec![command.to_owned()];
        let mut set = |flag: &str, value: &str| args.extend([flag.to_owned(), value.to_owned()]);
        set("--admin-listen", "127.0.0.1:0");
        set("--ready-file", &ready_file.to_string_lossy());
        set("--queue-url", &urls.queue);
        set("--postgres-url", &urls.postgres);
        if kind != Kind::Ingest {
            set("--mongodb-url", &urls.mongodb);
        }
        match kind {
            Kind::Ingest | Kind::Analytics => set("--listen", "127.0.0.1:0"),
            Kind::Worker => {}
            Kind::Keeper => set("--role", "keeper"),
        }
        // One that declares nothing needs none.
        if matches!(kind, Kind::Worker | Kind::Keeper) && !urls.management.is_empty() {
            set("--management-url", &urls.management);
        }
        args.extend(extra.iter().map(ToString::to_string));
        Self {
            kind,
            binary: binary.to_owned(),
            args,
            ready_file,
            log: folder.join(format!("{name}.log")),
            running: None,
            cpu_before: 0.0,
        }
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts it, if it does not run, and waits until it is ready.
    ///
    /// # Errors
    /// With the end of its log, when it is not in time.
    pub fn start(&mut self) -> anyhow::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let mut child = self.spawn()?;
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(&self.ready_file) {
                let ready = serde_json::from_str(&text).context("the ready file is no JSON")?;
                self.running = Some((child, ready));
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                bail!("{:?} ended with {status}:\n{}", self.args, tail(&self.log));
            }
            if began.elapsed() > DEADLINE {
                let _ = child.kill();
                let _ = child.wait();
                bail!(
                    "{:?} is not ready after {DEADLINE:?}:\n{}",
                    self.args,
                    tail(&self.log)
                );
            }
            pause();
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let _ = std::fs::remove_file(&self.ready_file);
        let mut options = std::fs::OpenOptions::new();
        let log = options.create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.binary);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn();
        child.with_context(|| format!("failed to start {}", self.binary.display()))
    }

    /// Whether it runs, as far as we know.
    pub fn is_running(&mut self) -> bool {
        match &mut self.running {
            Some((child, _)) => matches!(child.try_wait(), Ok(None)),
            None => false,
        }
    }

    /// `kill -9`; nothing happens if it does not run.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.cpu_before = self.cpu_seconds().unwrap_or(self.cpu_before);
        if let Some((mut child, _)) = self.running.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the orderly end. Returns how long it took.
    ///
    /// # Errors
    /// When it does not end in time or not with success.
    pub fn stop(&mut self) -> anyhow::Result<Duration> {
        self.cpu_before = self.cpu_seconds().unwrap_or(self.cpu_before);
        let began = Instant::now();
        let Some((mut child, _)) = self.running.take() else {
            return Ok(Duration::ZERO);
        };
        process::signal("TERM", &Id::of(child.id()).into_iter().collect::<Vec<_>>());
        loop {
            if let Some(status) = child.try_wait()? {
                ensure!(
                    status.success(),
                    "ended with {status}:\n{}",
                    tail(&self.log)
                );
                return Ok(began.elapsed());
            }
            if began.elapsed() > STOP {
                let _ = child.kill();
                let _ = child.wait();
                bail!("no orderly end after {STOP:?}:\n{}", tail(&self.log));
            }
            pause();
        }
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        if let Some((child, _)) = &self.running {
            process::signal(name, &Id::of(child.id()).into_iter().collect::<Vec<_>>());
        }
    }

    /// Where it serves.
    ///
    /// # Errors
    /// When it does not run or serves nothing.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let (_, ready) = self.running.as_ref().context("it does not run")?;
        socket(ready.address.as_deref().context("it serves nothing")?)
    }

    /// Where its health and metrics are.
    ///
    /// # Errors
    /// When it does not run.
    pub fn admin(&self) -> anyhow::Result<SocketAddr> {
        let (_, ready) = self.running.as_ref().context("it does not run")?;
        socket(&ready.admin)
    }

    /// A page of its admin listener, whatever its status.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn admin_page(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let mut client = Client::new(self.admin()?);
        let answer = client.send("GET", path, &[], bytes::Bytes::new()).await?;
        Ok((
            answer.status,
            String::from_utf8_lossy(&answer.body).into_owned(),
        ))
    }

    /// The sum of a metric over its labels; 0 where it is not there yet.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let (_, text) = self.admin_page("/metrics").await?;
        let lines = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// User and system time of this process and of those before it, in seconds.
    ///
    /// # Errors
    /// When it does not run.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let (child, _) = self.running.as_ref().context("it does not run")?;
        Ok(self.cpu_before + crate::process::cpu_seconds(child.id())?)
    }

    /// Resident memory in bytes that no file backs: what it holds itself. The pages of the program come and go as the
    /// machine is short of memory.
    ///
    /// # Errors
    /// When it does not run.
    pub fn held_bytes(&self) -> anyhow::Result<u64> {
        let (child, _) = self.running.as_ref().context("it does not run")?;
        crate::process::held_bytes(child.id())
    }

    /// The end of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn socket(url: &str) -> anyhow::Result<SocketAddr> {
    let text = url.strip_prefix("http://").unwrap_or(url);
    let text = text.trim_end_matches('/');
    text.parse().with_context(|| format!("no address in {url}"))
}
