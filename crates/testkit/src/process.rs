//! A `sendry up` of our own: started, killed, stopped, always by the child we hold.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use sendry_servers::process;
use serde::Deserialize;

/// How long a start or an orderly stop may take.
const DEADLINE: Duration = Duration::from_secs(40);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// A running process.
#[derive(Debug)]
pub struct Sendry {
    child: Child,
    log: PathBuf,
    /// What its ready file says.
    pub ready: Ready,
    /// From spawning to the ready file.
    pub started_in: Duration,
}

/// The ready file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// `http://host:port/`
    pub dashboard: String,
    /// Where events go.
    pub ingest: String,
    /// Where health and metrics are.
    pub admin: String,
    /// The tenant.
    pub tenant: String,
    /// A key for apps.
    pub api_key: String,
}

impl Ready {
    /// Address of ingest, API and dashboard.
    ///
    /// # Errors
    /// When the file holds another form.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        socket(&self.dashboard)
    }

    /// Address of health and metrics.
    ///
    /// # Errors
    /// When the file holds another form.
    pub fn admin_address(&self) -> anyhow::Result<SocketAddr> {
        socket(&self.admin)
    }
}

fn socket(url: &str) -> anyhow::Result<SocketAddr> {
    let text = url
        .strip_prefix("http://")
        .unwrap_or(url)
        .trim_end_matches('/');
    text.parse().with_context(|| format!("no address in {url}"))
}

impl Sendry {
    /// Starts `binary up` on `data` and free ports, and waits until it serves.
    ///
    /// # Errors
    /// With the end of its log, when it ends or does not get ready in time.
    pub fn start(binary: &Path, data: &Path, extra: &[&str]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data)?;
        let (ready_file, log) = (data.join("ready.json"), data.join("up.log"));
        let _ = std::fs::remove_file(&ready_file);
        let log_file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)?;
        let began = Instant::now();
        let mut command = Command::new(binary);
        command.args(["up", "--admin-listen", "127.0.0.1:0"]);
        if !extra.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .arg("--data")
            .arg(data)
            .arg("--ready-file")
            .arg(&ready_file)
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .with_context(|| format!("failed to start {}", binary.display()))?;
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready_file) {
                let started_in = began.elapsed();
                let ready = serde_json::from_str(&text).context("the ready file is no JSON")?;
                return Ok(Self {
                    child,
                    log,
                    ready,
                    started_in,
                });
            }
            if let Some(status) = child.try_wait()? {
                bail!("sendry up ended with {status}:\n{}", tail(&log));
            }
            if began.elapsed() > DEADLINE {
                let _ = child.kill();
                bail!("sendry up is not ready after {DEADLINE:?}:\n{}", tail(&log));
            }
            pause();
        }
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for the orderly end.
    ///
    /// # Errors
    /// When it does not end in time or not with success.
    pub fn stop(mut self) -> anyhow::Result<ExitStatus> {
        // One that has ended by itself is told of below.
        if let Some(id) = process::Id::of(self.child.id()) {
            process::signal("TERM", &[id]);
        }
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success(),
                    "sendry up ended with {status}:\n{}",
                    tail(&self.log)
                );
                return Ok(status);
            }
            ensure!(
                began.elapsed() < DEADLINE,
                "no orderly end after {DEADLINE:?}:\n{}",
                tail(&self.log)
            );
            pause();
        }
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        status_bytes(self.id(), "VmRSS:")
    }

    /// User and system time used so far, in seconds.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.id())
    }

    /// The end of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Sendry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process in bytes without what files back.
pub(crate) fn held_bytes(id: u32) -> anyhow::Result<u64> {
    status_bytes(id, "RssAnon:")
}

fn status_bytes(id: u32, field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix(field))
        .with_context(|| format!("no {field}"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1_024)
}

/// User and system time of a process so far, in seconds.
///
/// # Errors
/// Where there is no `/proc`, or no such process.
pub fn cpu_seconds(id: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after_name = stat.rsplit_once(')').context("no name in stat")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks =
        |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("short stat")?.parse()?) };
    // Fields 14 and 15 of proc(5), in ticks of 1/100 s.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for another process between looks at a condition with a deadline"
)]
pub(crate) fn pause() {
    std::thread::sleep(LOOK);
}
