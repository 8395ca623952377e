//! Figures and faults: both are programs of `sendry-bench`, and both start the real binary.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Context;

use crate::process::{become_program, cargo, cargo_run, run};

/// Runs a measurement; without a name, `sendry-bench` tells which there are.
///
/// # Errors
/// When `sendry` does not build or cargo cannot be started; otherwise this does not return.
pub fn bench(args: &[OsString]) -> anyhow::Result<()> {
    if args.is_empty() {
        return become_program(cargo_run("sendry-bench").arg("--help"));
    }
    if args.first().is_some_and(|name| name == "operator") {
        // It brings the operator with it.
        return become_program(cargo_run("sendry-bench").args(args));
    }
    measure(args.to_vec())
}

/// Kills processes and servers under load, on the real servers, and compares what was answered with what was counted.
///
/// # Errors
/// As [`bench`].
pub fn chaos(args: &[OsString]) -> anyhow::Result<()> {
    let mut all = vec![OsString::from("chaos")];
    all.extend_from_slice(args);
    measure(all)
}

fn measure(args: Vec<OsString>) -> anyhow::Result<()> {
    run(&mut cargo(["build", "--release", "--package", "sendry"]))?;
    let mut command = cargo_run("sendry-bench");
    if !args
        .iter()
        .any(|arg| arg.to_string_lossy().starts_with("--binary"))
    {
        command.arg("--binary").arg(binary()?);
    }
    become_program(command.args(args))
}

/// Where the build just put `sendry`: beside us, wherever the target folder is.
fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("failed to find the target folder")?;
    let target = own
        .ancestors()
        .nth(2)
        .context("xtask does not run from a target folder")?;
    Ok(target
        .join("release")
        .join(format!("sendry{}", std::env::consts::EXE_SUFFIX)))
}
