//! Debian packages, installed without starting what they bring.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::step;
use crate::Tell;

/// Asked by packages whether they may start their service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs packages, if there are any to install.
pub(super) fn install(packages: &[&str], tell: Tell<'_>) -> anyhow::Result<()> {
    let Some(first) = packages.first() else {
        return Ok(());
    };
    let names = packages.join(" ");
    let _policy = Policy::put()?;
    let mut get = apt_get(&["install", "--yes", "--no-install-recommends"]);
    get.args(packages);
    let log = format!("apt-{first}.log");
    let name = format!("install Debian's {names}");
    if step(&name, &log, &mut get, tell).is_ok() {
        return Ok(());
    }
    // A new machine has no lists of packages, or old ones. One source that is away does not matter.
    let _ = step(
        "update the lists of packages",
        "apt-update.log",
        &mut apt_get(&["update"]),
        tell,
    );
    step(&name, &log, &mut get, tell)
}

fn apt_get(args: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["1200", "apt-get", "-o", "DPkg::Lock::Timeout=300"])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// A word that forbids services to start, for as long as we install. One that stands there already is left.
struct Policy(bool);

impl Policy {
    fn put() -> anyhow::Result<Self> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self(ours))
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.0 {
            let _ = fs::remove_file(POLICY);
        }
    }
}
