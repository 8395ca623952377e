//! FerretDB, built from its Go module by the versions that we name.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use super::step;
use crate::{Tell, folder, machine};

const MODULE: &str = include_str!("../../ferretdb/go.mod");
const SUMS: &str = include_str!("../../ferretdb/go.sum");
/// What is built.
const PROGRAM: &str = "github.com/FerretDB/FerretDB/v2/cmd/ferretdb";

/// The program.
#[must_use]
pub fn program() -> PathBuf {
    folder().join("ferretdb")
}

/// Whether the program is there and runs, in the version that we name.
#[must_use]
pub fn is_built() -> bool {
    let asked = Command::new(program())
        .arg("--version")
        .stderr(Stdio::null())
        .output();
    let version = MODULE.lines().find_map(|line| {
        let line = line
            .trim()
            .strip_prefix("github.com/FerretDB/FerretDB/v2 ")?;
        line.split_whitespace().next()
    });
    asked.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        version.is_some_and(|version| text.contains(version))
    })
}

/// Builds it, unless it is there. The program appears whole or not at all.
pub(super) fn build(tell: Tell<'_>) -> anyhow::Result<()> {
    if is_built() {
        return Ok(());
    }
    if machine::find("go").is_none() {
        bail!("`go` was not found: FerretDB is built with Go 1.25 or later");
    }
    let source = folder().join("ferretdb-module");
    fs::create_dir_all(&source).with_context(|| format!("failed to make {}", source.display()))?;
    fs::write(source.join("go.mod"), MODULE)?;
    fs::write(source.join("go.sum"), SUMS)?;
    let built = source.join("ferretdb");
    let mut command = Command::new("timeout");
    command
        .args([
            "1800",
            "go",
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags=-s -w",
            "-o",
        ])
        .arg(&built)
        .arg(PROGRAM)
        .current_dir(&source)
        .env("GOFLAGS", "-mod=readonly")
        .env("CGO_ENABLED", "0");
    step("build FerretDB", "ferretdb.log", &mut command, tell)?;
    fs::rename(&built, program()).context("failed to put FerretDB in its place")
}
