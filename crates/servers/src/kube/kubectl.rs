//! The client, for what tests set up and look at: no library of Kubernetes' is needed for it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{install::kubernetes::Program, machine, process};

/// How long an API server may take to publish a definition that it was given: seconds on a busy machine.
const PUBLISHED: Duration = Duration::from_secs(60);

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

/// Waits until the API server does all for these resources of a group and version, such as `sendry.io/v1alpha1` and
/// `sendrytenants`, that it does for its own: `Established` only says that objects can be made, and what discovery and
/// `kubectl explain` tell comes after it.
///
/// # Errors
/// When a resource is not published in time, with what is missing.
pub fn wait_until_published(
    kubeconfig: &Path,
    group_version: &str,
    resources: &[&str],
) -> anyhow::Result<()> {
    let mut missing = String::new();
    process::wait(PUBLISHED, "definitions to be published", || {
        match unpublished(kubeconfig, group_version, resources) {
            Ok(None) => return Ok(Some(())),
            Ok(Some(resource)) => missing = resource,
            Err(error) => missing = format!("{error:#}"),
        }
        Ok(None)
    })
    .with_context(|| format!("{group_version} is not published whole; last missing: {missing}"))
}

/// What discovery or the schema lacks.
fn unpublished(
    kubeconfig: &Path,
    group_version: &str,
    resources: &[&str],
) -> anyhow::Result<Option<String>> {
    let get = |path: &str| -> anyhow::Result<Value> {
        let text = ctl(kubeconfig, &["get", "--raw", path], None)?;
        serde_json::from_str(&text).with_context(|| format!("{path} is no JSON"))
    };
    let found = get(&format!("/apis/{group_version}"))?;
    let found = found["resources"].as_array().cloned().unwrap_or_default();
    let schema = get(&format!("/openapi/v3/apis/{group_version}"))?;
    let paths = schema["paths"].as_object().cloned().unwrap_or_default();
    let missing = resources.iter().find_map(|resource| {
        let discovered = found.iter().any(|one| one["name"] == **resource);
        let tail = format!("/{resource}");
        let described = paths.keys().any(|path| path.ends_with(&tail));
        match (discovered, described) {
            (true, true) => None,
            (false, _) => Some(format!("{resource} in discovery")),
            (true, false) => Some(format!("{resource} in the schema")),
        }
    });
    Ok(missing)
}

/// `kubectl` for the cluster of a file. What it remembers of a cluster goes by the address, which another cluster may
/// have had: so it stands beside the file.
fn command(kubeconfig: &Path) -> Command {
    let mut command = Command::new(kubectl());
    command.arg("--kubeconfig").arg(kubeconfig);
    if let Some(folder) = kubeconfig.parent() {
        command.env("KUBECACHEDIR", folder.join("cache"));
    }
    command
}

fn run(command: &mut Command, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
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
