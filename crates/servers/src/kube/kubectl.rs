//! The client, for what tests set up and look at: no library of Kubernetes' is needed for it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::{install::kubernetes::Program, machine};

/// `kubectl`: of `KUBEBUILDER_ASSETS`, else the one that was built, else the one on the search path.
#[must_use]
pub fn kubectl() -> PathBuf {
    let ours = Program::Kubectl.path();
    if ours.is_file() {
        return ours;
    }
    machine::find("kubectl").unwrap_or(ours)
}

/// `kubectl` for the cluster of a file, such as `["apply", "-f", "-"]` with YAML as its input; what it printed.
///
/// # Errors
/// With what it said, when it does not succeed.
pub fn ctl(kubeconfig: &Path, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
    run(&mut command(kubeconfig), args, input)
}

/// Whether the API server says that it is ready.
///
/// # Errors
/// With the reason, when it is not.
pub fn is_ready(kubeconfig: &Path) -> anyhow::Result<()> {
    let answer = ctl(
        kubeconfig,
        &["get", "--raw", "/readyz", "--request-timeout", "10s"],
        None,
    )?;
    ensure!(answer == "ok", "/readyz says {answer}");
    Ok(())
}

pub(super) fn command(kubeconfig: &Path) -> Command {
    let mut command = Command::new(kubectl());
    command.arg("--kubeconfig").arg(kubeconfig);
    command
}

pub(super) fn run(
    command: &mut Command,
    args: &[&str],
    input: Option<&str>,
) -> anyhow::Result<String> {
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to start kubectl: `cargo xtask services up` installs it")?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends before it has read everything says why itself.
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
    }
    let output = child
        .wait_with_output()
        .context("failed to wait for kubectl")?;
    ensure!(
        output.status.success(),
        "kubectl {} failed: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
