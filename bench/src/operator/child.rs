//! The measured operator, from outside.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A running operator. Dropped, it is killed.
pub struct OperatorProcess {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

/// What it says of itself.
#[derive(Clone, Debug)]
pub struct State(Value);

impl State {
    /// Tenants it knows, or of them those that are Ready; passes so far; names that wait for one or are in one.
    pub fn count(&self, what: &str) -> u64 {
        self.0[what].as_u64().unwrap_or(0)
    }

    /// Counts by label.
    pub fn by(&self, what: &str) -> BTreeMap<String, u64> {
        serde_json::from_value(self.0[what].clone()).unwrap_or_default()
    }

    /// What was counted since `before`, where it was anything.
    pub fn since(&self, before: &Self, what: &str) -> BTreeMap<String, u64> {
        let (now, before) = (self.by(what), before.by(what));
        let grown = now.into_iter().map(|(name, count)| {
            let grown = count - before.get(&name).copied().unwrap_or(0);
            (name, grown)
        });
        grown.filter(|(_, count)| *count > 0).collect()
    }
}

impl OperatorProcess {
    /// Starts `command`, with its log in `folder`.
    pub fn start(mut command: Command, name: &str, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("operator-{name}.log"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let ask = child.stdin.take().context("no standard input")?;
        let answers = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            ask,
            answers: BufReader::new(answers),
            log,
        })
    }

    pub fn state(&mut self) -> anyhow::Result<State> {
        self.ask("state").map(State)
    }

    /// Queues every tenant; how many.
    pub fn resync(&mut self) -> anyhow::Result<u64> {
        let queued = self.ask("resync")?;
        queued.as_u64().context("no number of tenants")
    }

    /// Looks until it is so.
    pub async fn until(
        &mut self,
        what: &str,
        within: Duration,
        so: impl Fn(&State) -> bool,
    ) -> anyhow::Result<State> {
        let began = Instant::now();
        loop {
            let state = self.state()?;
            if so(&state) {
                return Ok(state);
            }
            ensure!(
                began.elapsed() < within,
                "waited {within:?} for {what}: {:?}\n{}",
                state.0,
                self.log_tail()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        sendry_testkit::process::cpu_seconds(self.child.id())
    }

    /// Resident memory in MiB: now, and at most so far.
    pub fn resident_mib(&self) -> anyhow::Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| -> anyhow::Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.context("no such line")?.trim().trim_end_matches("kB");
            Ok(kib.trim().parse::<f64>()? / 1_024.0)
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }

    /// Ends it in order.
    pub fn stop(self) -> anyhow::Result<()> {
        let Self {
            mut child,
            ask,
            answers,
            log,
        } = self;
        drop((ask, answers));
        let status = child.wait()?;
        ensure!(
            status.success(),
            "the operator ended with {status}: see {}",
            log.display()
        );
        Ok(())
    }

    fn ask(&mut self, line: &str) -> anyhow::Result<Value> {
        let mut answer = String::new();
        let asked = writeln!(self.ask, "{line}").and_then(|()| self.answers.read_line(&mut answer));
        ensure!(
            asked.is_ok() && !answer.is_empty(),
            "the operator does not answer:\n{}",
            self.log_tail()
        );
        Ok(serde_json::from_str(&answer)?)
    }

    fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}
