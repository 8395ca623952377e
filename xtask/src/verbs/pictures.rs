//! Pictures of pages.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::anyhow;

use crate::{
    dashboard,
    node::{self, NODE},
    process::run,
};

/// Takes one picture of `url`.
///
/// # Errors
/// Without Node, without the script, or when Chromium cannot be started or the page not be loaded.
pub fn screenshot(url: &str, out: &Path, args: &[OsString]) -> anyhow::Result<()> {
    node::check()
        .map_err(|why| anyhow!("Node {NODE} or later is needed to drive the browser: {why}"))?;
    dashboard::install()?;
    let script = dashboard::folder().join("scripts/screenshot.mjs");
    run(Command::new("node")
        .arg(script)
        .arg(url)
        .arg(out)
        .args(args))
}
