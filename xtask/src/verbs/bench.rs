//! Figures and faults: both are programs of `sendry-bench`.

use std::ffi::OsString;

use crate::process::{become_program, cargo_run};

/// Rounds of kills where the caller names none: about as many as find a defect that one kill in twenty shows.
const ROUNDS: [&str; 2] = ["--rounds", "50"];

/// Runs a measurement; without a name, `sendry-bench` tells which there are.
///
/// # Errors
/// When cargo cannot be started; otherwise this does not return.
pub fn bench(args: &[OsString]) -> anyhow::Result<()> {
    let mut command = cargo_run("sendry-bench");
    if args.is_empty() {
        command.arg("--help");
    }
    become_program(command.args(args))
}

/// Kills processes under load and compares what was answered with what was counted.
///
/// # Errors
/// When cargo cannot be started; otherwise this does not return.
pub fn chaos(args: &[OsString]) -> anyhow::Result<()> {
    let mut command = cargo_run("sendry-bench");
    command.arg("kill");
    if args.is_empty() {
        command.args(ROUNDS);
    }
    become_program(command.args(args))
}
