//! FerretDB, built from its Go module by the versions that we name.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;

use super::go::{self, Module};
use crate::{Tell, folder};

const MODULE: Module = Module {
    title: "FerretDB",
    name: "ferretdb",
    versions: include_str!("../../ferretdb/go.mod"),
    sums: include_str!("../../ferretdb/go.sum"),
    sources: &[],
};
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
    let version = MODULE.version("github.com/FerretDB/FerretDB/v2");
    go::says(Command::new(program()).arg("--version"), version)
}

/// Builds it, unless it is there. The program appears whole or not at all.
pub(super) fn build(tell: Tell<'_>) -> anyhow::Result<()> {
    if is_built() {
        return Ok(());
    }
    let built = MODULE.build(&[PROGRAM], "", tell)?;
    fs::rename(built.join("ferretdb"), program()).context("failed to put FerretDB in its place")
}
