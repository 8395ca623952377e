//! PostgreSQL 18 with DocumentDB: packages of Debian's unstable release, in a folder of their own.
//!
//! Nothing stays mounted. Whatever runs inside has its own view of the machine's file systems, which ends with it, so
//! that the folder can be removed at any time without touching anything of the machine's.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use super::{apt, step};
use crate::{Tell, folder, machine, process::Id};

/// The user, and the role of the same name, that it runs as.
pub const USER: &str = "postgres";
const PACKAGE: &str = "postgresql-18-documentdb";
const BIN: &str = "/usr/lib/postgresql/18/bin";
/// Where data of servers are, inside.
const DATA: &str = "/var/lib/sendry";

/// The folder that is a whole small Debian.
#[must_use]
pub fn root() -> PathBuf {
    folder().join("sid")
}

/// Whether it holds the package with all that it needs: its own record of packages says so.
#[must_use]
pub fn is_installed() -> bool {
    let record = fs::read_to_string(root().join("var/lib/dpkg/status")).unwrap_or_default();
    let package = record
        .split("\n\n")
        .find(|entry| entry.lines().next() == Some(&format!("Package: {PACKAGE}")));
    package.is_some_and(|entry| entry.contains("\nStatus: install ok installed\n"))
}

/// Makes the folder, unless it is there. One that is not whole is made anew.
pub(super) fn install(tell: Tell<'_>) -> anyhow::Result<()> {
    if is_installed() {
        return Ok(());
    }
    if machine::find("debootstrap").is_none() {
        apt::install(&["debootstrap"], tell)?;
    }
    let root = root();
    remove(&root)?;
    let mut command = private("exec \"$@\"", &root);
    command
        .args(["timeout", "1800", "debootstrap", "--variant=minbase"])
        .args(["--include=ca-certificates", "sid"])
        .arg(&root)
        .args(mirror());
    step(
        "unpack Debian's unstable release",
        "sid.log",
        &mut command,
        tell,
    )?;
    let policy = root.join("usr/sbin/policy-rc.d");
    fs::write(&policy, "#!/bin/sh\nexit 101\n")?;
    fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut command = inside(&["timeout", "1800", "apt-get", "install", "--yes"]);
    command
        .args(["--no-install-recommends", PACKAGE])
        .env("DEBIAN_FRONTEND", "noninteractive");
    step(
        "install PostgreSQL 18 with DocumentDB",
        "documentdb.log",
        &mut command,
        tell,
    )
}

fn remove(root: &Path) -> anyhow::Result<()> {
    if root.exists() {
        let status = Command::new("rm")
            .args(["-rf", "--one-file-system", "--"])
            .arg(root)
            .status()?;
        ensure!(
            status.success() && !root.exists(),
            "failed to remove what an earlier run left: remove {} yourself",
            root.display()
        );
    }
    Ok(())
}

/// Where this machine gets Debian's packages from; `debootstrap` knows itself where it is not said.
fn mirror() -> Option<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let more = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten();
    files.extend(more.flatten().map(|entry| entry.path()));
    files.sort();
    files
        .iter()
        .find_map(|file| mirror_in(&fs::read_to_string(file).ok()?))
}

fn mirror_in(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let words = line
            .strip_prefix("URIs:")
            .or_else(|| line.strip_prefix("deb "))?;
        words
            .split_whitespace()
            .find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian"))
            .map(str::to_owned)
    })
}

/// A shell script with `$1` = the folder's path, run with a view of file systems that is its own.
fn private(script: &str, root: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-ec"])
        .arg(format!("root=$1; shift; {script}"))
        .arg("sh")
        .arg(root)
        .env("LC_ALL", "C.UTF-8");
    command
}

/// A program inside. Each step becomes the next, so that the child is the program.
fn inside(program: &[&str]) -> Command {
    let mut command = private(
        "mount -t proc proc \"$root/proc\"; mount --rbind /dev \"$root/dev\"; exec chroot \"$root\" \"$@\"",
        &root(),
    );
    command.args(program);
    command
}

/// A program inside, as the server's user.
fn as_user(program: &str) -> Command {
    inside(&[
        "setpriv",
        "--reuid",
        USER,
        "--regid",
        USER,
        "--clear-groups",
        &format!("{BIN}/{program}"),
    ])
}

/// Data of one server, inside; removed when dropped.
#[derive(Debug)]
pub struct Data {
    /// From the root inside.
    path: String,
    kept: bool,
}

impl Data {
    pub(crate) fn make() -> anyhow::Result<Self> {
        ensure!(
            is_installed(),
            "DocumentDB is not installed here: `cargo xtask services up` installs it"
        );
        sweep();
        let user = machine::user(&root(), USER)?;
        let all = outside(DATA);
        fs::create_dir_all(&all).with_context(|| format!("failed to make {}", all.display()))?;
        let owner = std::process::id();
        let started = Id::of(owner).map_or(0, |id| id.started);
        let number = (0..)
            .find(|number| fs::create_dir(all.join(format!("{owner}-{started}-{number}"))).is_ok())
            .unwrap_or(0_u32);
        let this = Self {
            path: format!("{DATA}/{owner}-{started}-{number}"),
            kept: false,
        };
        chown(outside(&this.path), Some(user.uid), Some(user.gid))?;
        let output = as_user("initdb")
            .args([
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
            ])
            .args(["--no-sync", "--pgdata", &this.path])
            .stdin(Stdio::null())
            .output()
            .context("failed to start `unshare`")?;
        ensure!(
            output.status.success(),
            "initdb of DocumentDB failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(this)
    }

    /// The server on these data.
    pub(crate) fn server(&self, port: u16) -> Command {
        let mut command = as_user("postgres");
        command.args(["-D", &self.path, "-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            "shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb",
            "cron.database_name=postgres",
            "cron.host=127.0.0.1",
        ] {
            command.args(["-c", setting]);
        }
        command
    }

    /// Where they are, from outside.
    pub(crate) fn folder(&self) -> PathBuf {
        outside(&self.path)
    }

    /// Keeps them beyond our end; where they are.
    pub(crate) fn keep(&mut self) -> PathBuf {
        let folder = outside(&self.path);
        self.kept = true;
        let _ = fs::write(mark(&folder), "");
        folder
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(outside(&self.path));
        }
    }
}

fn outside(path: &str) -> PathBuf {
    root().join(path.trim_start_matches('/'))
}

/// Removes data that were kept.
pub(crate) fn discard(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    let _ = fs::remove_file(mark(folder));
}

/// The file beside a folder that says that it outlives its maker.
fn mark(folder: &Path) -> PathBuf {
    folder.with_extension("kept")
}

/// Removes data whose maker was killed.
fn sweep() {
    let entries = fs::read_dir(outside(DATA)).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.split('-').map(str::parse::<u64>);
        if let (Some(Ok(pid)), Some(Ok(started))) = (parts.next(), parts.next()) {
            let maker = Id::of(pid as u32).filter(|id| id.started == started);
            if maker.is_none() && !mark(&entry.path()).exists() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_of_the_machines_own_sources() {
        let new = "Types: deb\n# a note\nURIs: http://mirror.test/debian\nSuites: x\n\n\
                   URIs: http://mirror.test/debian-security\n";
        assert_eq!(mirror_in(new).as_deref(), Some("http://mirror.test/debian"));
        let old = "# deb http://old.test/debian x\ndeb [arch=amd64] http://a.test/debian/ x main\n";
        assert_eq!(mirror_in(old).as_deref(), Some("http://a.test/debian/"));
        assert_eq!(mirror_in("URIs: https://other.test/node\n"), None);
    }
}
