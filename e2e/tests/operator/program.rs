//! A process of ours, from the child that we hold. It ends with the test, however that ends.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use sendry_servers::process::Process;
use sendry_testkit::client::Client;
use serde_json::Value;

use crate::wait::PATIENCE;

pub const OPERATOR: &str = env!("CARGO_BIN_EXE_e2e-operator");
pub const SENDRY: &str = env!("CARGO_BIN_EXE_e2e-sendry");

/// One that runs, and has said so by its ready file.
#[derive(Debug)]
pub struct Program {
    process: Process,
    ready: Value,
    log: PathBuf,
}

impl Program {
    /// Starts it and waits until it is ready. `name` is that of its files in `folder`.
    pub fn start(binary: &str, folder: &Path, name: &str, args: &[&str]) -> Self {
        let (file, log) = (
            folder.join(format!("{name}.json")),
            folder.join(format!("{name}.log")),
        );
        let _ = std::fs::remove_file(&file);
        let mut command = Command::new(binary);
        command
            .args(args)
            .args(["--admin-listen", "127.0.0.1:0", "--ready-file"])
            .arg(&file);
        tokio::task::block_in_place(|| {
            let mut process = Process::start(&mut command, &log).unwrap();
            let ready = process.wait(PATIENCE, "its ready file", || {
                let text = std::fs::read_to_string(&file).context("not ready yet")?;
                Ok(serde_json::from_str(&text)?)
            });
            let ready = ready.unwrap();
            Self {
                process,
                ready,
                log,
            }
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        socket(&self.ready["address"])
    }

    /// The sum of a metric over its labels, such as `sendry_operator_writes_total`, of the lines that have `label` in
    /// them; 0 where it is not there yet.
    pub async fn metric(&self, name: &str, label: &str) -> anyhow::Result<u64> {
        let lines = self.metrics(name).await?;
        let lines = lines.iter().filter(|line| {
            let rest = &line[name.len()..];
            rest.starts_with([' ', '{']) && rest.contains(label)
        });
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum())
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        tokio::task::block_in_place(|| self.process.kill()).unwrap();
    }

    /// SIGTERM, and the orderly end.
    pub fn stop(&mut self) {
        tokio::task::block_in_place(|| self.process.stop("TERM", Duration::from_secs(30))).unwrap();
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.process.id().pause();
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.process.id().resume();
    }

    /// Lines of its metrics that begin so.
    pub async fn metrics(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let mut client = Client::new(socket(&self.ready["admin"]));
        let answer = client.send("GET", "/metrics", &[], Bytes::new()).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let lines = text.lines().filter(|line| line.starts_with(name));
        Ok(lines.map(str::to_owned).collect())
    }
}

fn socket(url: &Value) -> SocketAddr {
    let text = url.as_str().unwrap();
    text.trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .unwrap()
}

/// `sendry ARGS`; what it printed.
pub fn sendry(args: &[&str]) -> anyhow::Result<String> {
    let output = tokio::task::block_in_place(|| Command::new(SENDRY).args(args).output())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    anyhow::ensure!(
        output.status.success(),
        "sendry {args:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    Ok(text(&output.stdout))
}
