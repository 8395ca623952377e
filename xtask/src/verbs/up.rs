//! Running the platform, and building the dashboard that it serves.

use std::ffi::OsString;

use anyhow::{Context, anyhow};

use crate::{
    dashboard,
    node::{self, NODE},
    process::{become_program, cargo_run, say},
};

/// Builds what is needed and becomes `sendry up`.
///
/// # Errors
/// When something does not build; otherwise this does not return.
pub fn up(args: &[OsString]) -> anyhow::Result<()> {
    match node::check() {
        Ok(()) => dashboard::build().context(
            "the dashboard does not build (to run without: `cargo run --release -p sendry -- up`)",
        )?,
        Err(why) => say(&format!(
            "Going on without building the dashboard: {why} (Node {NODE} or later builds it)."
        )),
    }
    become_program(cargo_run("sendry").arg("up").args(args))
}

/// Builds the dashboard.
///
/// # Errors
/// Without a Node that can, or when it does not build.
pub fn dashboard() -> anyhow::Result<()> {
    node::check()
        .map_err(|why| anyhow!("Node {NODE} or later is needed to build the dashboard: {why}"))?;
    dashboard::build()
}
