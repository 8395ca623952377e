//! Processes of servers: whatever we started ends, by its id, with everything it started itself.
//!
//! It ends even when we are killed: a watcher, which waits for the end of our pipe to it, kills it. Only one that is
//! released outlives us.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(10);
/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(20);

/// A process by number and time of start: another that later gets the number is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    /// Its number.
    pub pid: u32,
    /// Ticks since the machine started.
    pub started: u64,
}

impl Id {
    /// The process that has this number now.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let Stat { started, .. } = stat(pid)?;
        Some(Self { pid, started })
    }

    /// Whether it is still there. One that waits to be reaped is not.
    #[must_use]
    pub fn is_running(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != 'Z')
    }

    /// It and everything that it started, it first.
    #[must_use]
    pub fn family(self) -> Vec<Self> {
        let mut children: HashMap<u32, Vec<Self>> = HashMap::new();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            if let Some(Stat {
                parent, started, ..
            }) = stat(pid)
            {
                children
                    .entry(parent)
                    .or_default()
                    .push(Self { pid, started });
            }
        }
        let mut found = vec![self];
        let mut at = 0;
        while let Some(next) = found.get(at) {
            found.extend(children.remove(&next.pid).unwrap_or_default());
            at += 1;
        }
        found
    }

    /// SIGKILL to it and all that it started, and waits until they are gone.
    ///
    /// # Errors
    /// When one stays.
    pub fn kill(self) -> anyhow::Result<()> {
        kill_all(&self.family())
    }

    /// Asks it to end with `name` (a signal), and kills it if it does not within `patience`.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(self, name: &str, patience: Duration) -> anyhow::Result<()> {
        let family = self.family();
        signal(name, &[self]);
        gone(&family, patience).or_else(|_| kill_all(&family))
    }

    /// Stops the clock for it and all that it started.
    pub fn pause(self) {
        // Once more, for what it started before it stood still.
        signal("STOP", &[self]);
        signal("STOP", &self.family());
    }

    /// Lets them go on.
    pub fn resume(self) {
        signal("CONT", &self.family());
    }
}

fn kill_all(family: &[Id]) -> anyhow::Result<()> {
    signal("KILL", family);
    gone(family, GONE)
}

fn gone(family: &[Id], patience: Duration) -> anyhow::Result<()> {
    wait(patience, "processes to be gone", || {
        Ok((!family.iter().any(|id| id.is_running())).then_some(()))
    })
}

/// A child that we started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    id: Id,
    log: PathBuf,
    watcher: Option<Child>,
}

impl Process {
    /// Starts it in a group of its own, with its output appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("failed to write {}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start `{program}`"))?;
        let id = Id::of(child.id()).with_context(|| format!("`{program}` ended at once"))?;
        let watcher = Some(watcher(id)?);
        Ok(Self {
            child,
            id,
            log: log.to_owned(),
            watcher,
        })
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// Waits for `condition`, as long as the process lives.
    ///
    /// # Errors
    /// With the end of its log, when it ends or time is up.
    pub fn wait<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut condition: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let (child, log) = (&mut self.child, &self.log);
        let mut last = None;
        let waited = wait(patience, what, || {
            match condition() {
                Ok(value) => return Ok(Some(value)),
                Err(error) => last = Some(error),
            }
            if let Some(status) = child.try_wait()? {
                bail!("it ended with {status}");
            }
            Ok(None)
        });
        waited.map_err(|error| {
            let last = last.map_or_else(String::new, |last| format!(" (last: {last:#})"));
            anyhow::anyhow!(
                "{error:#}{last}; the end of {}:\n{}",
                log.display(),
                tail(log)
            )
        })
    }

    /// SIGKILL to it and all that it started, and waits until they are gone.
    ///
    /// # Errors
    /// When one stays.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.unwatch();
        let killed = self.id.kill();
        let _ = self.child.wait();
        killed
    }

    /// Asks it to end, and kills it if it does not.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&mut self, name: &str, patience: Duration) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_none() {
            self.id.resume();
            self.id.stop(name, patience)?;
        }
        self.unwatch();
        let _ = self.child.wait();
        Ok(())
    }

    /// From now on it outlives us.
    pub fn release(&mut self) {
        self.unwatch();
    }

    /// Whether it ends with us.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.watcher.is_some()
    }

    fn unwatch(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_ours() {
            let _ = self.kill();
        }
    }
}

/// Removes PostgreSQL's note of a dead server from its data, if another process has got its number: the server would not
/// start beside it. Otherwise the note stays, since by it the next one finds what shared memory the dead one left.
pub(crate) fn forget_the_dead(data: &Path) {
    let note = data.join("postmaster.pid");
    let text = fs::read_to_string(&note).unwrap_or_default();
    let pid = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok());
    if pid.and_then(Id::of).is_some() {
        let _ = fs::remove_file(note);
    }
}

/// A shell that kills `id` when our end of its input is closed, as it is when we end.
fn watcher(id: Id) -> anyhow::Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r line; kill -KILL \"$1\"", "watcher"])
        .arg(id.pid.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("failed to start `sh`")
}

/// Sends a signal. Those that are gone already do not matter.
pub fn signal(name: &str, to: &[Id]) {
    let there: Vec<String> = to
        .iter()
        .filter(|id| id.is_running())
        .map(|id| id.pid.to_string())
        .collect();
    if !there.is_empty() {
        // The shell's own `kill`: small images have no program of that name.
        let _ = Command::new("sh")
            .args(["-c", "n=$1; shift; kill -s \"$n\" \"$@\"", "kill", name])
            .args(there)
            .stderr(Stdio::null())
            .status();
    }
}

/// Looks again and again until there is a value.
///
/// # Errors
/// When a look fails or time is up.
#[expect(
    clippy::disallowed_methods,
    reason = "waits for another process between looks at a condition with a deadline"
)]
pub fn wait<T>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        ensure!(began.elapsed() < patience, "waited {patience:?} for {what}");
        std::thread::sleep(LOOK);
    }
}

/// The end of a log.
#[must_use]
pub fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

/// Fields 3, 4 and 22 of `proc(5)`'s stat; the name before them may hold anything.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        started: fields.nth(17)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Process, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let process = Process::start(&mut command, &folder.path().join("log")).unwrap();
        (process, folder)
    }

    /// A shell with a child that left its group.
    fn family() -> (Process, tempfile::TempDir, Vec<Id>) {
        let (process, folder) = shell("setsid sleep 600 & setsid sleep 600 & wait");
        let all = wait(Duration::from_secs(10), "three processes", || {
            let all = process.id().family();
            Ok((all.len() == 3).then_some(all))
        });
        (process, folder, all.unwrap())
    }

    #[test]
    fn killing_reaches_children_that_left_the_group() {
        let (mut process, _folder, all) = family();
        process.kill().unwrap();
        assert!(all.iter().all(|id| !id.is_running()), "{all:?}");
    }

    #[test]
    fn a_paused_family_stands_still_and_goes_on() {
        let (process, _folder, all) = family();
        let states = |want: char| {
            wait(Duration::from_secs(10), "all to change", || {
                let all = all.iter().all(|id| stat(id.pid).unwrap().state == want);
                Ok(all.then_some(()))
            })
        };
        process.id().pause();
        states('T').unwrap();
        process.id().resume();
        states('S').unwrap();
    }

    #[test]
    fn a_guarded_process_ends_with_our_pipe() {
        let (mut process, _folder) = shell("exec sleep 600");
        let mut watcher = process.watcher.take().unwrap();
        drop(watcher.stdin.take());
        watcher.wait().unwrap();
        assert!(!process.child.wait().unwrap().success());
    }

    #[test]
    fn one_that_does_not_end_when_asked_is_killed() {
        let (mut process, _folder) = shell("trap '' TERM; echo up; while :; do sleep 600; done");
        let log = process.log.clone();
        process
            .wait(Duration::from_secs(10), "its word", || {
                ensure!(fs::read_to_string(&log)?.contains("up"), "no word");
                Ok(())
            })
            .unwrap();
        process.stop("TERM", Duration::from_millis(200)).unwrap();
        assert!(!process.id().is_running());
    }

    #[test]
    fn one_that_ends_while_waited_for_shows_its_log() {
        let (mut process, _folder) = shell("echo no port left; exit 3");
        let error = process
            .wait(
                Duration::from_secs(10),
                "a port",
                || -> anyhow::Result<()> { bail!("connection refused") },
            )
            .unwrap_err()
            .to_string();
        for part in ["exit status: 3", "connection refused", "no port left"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
