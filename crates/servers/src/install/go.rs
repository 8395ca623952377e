//! Go programs, built by the versions that a module of ours names.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use super::step;
use crate::{Tell, folder, machine};

/// A module of ours.
pub(super) struct Module {
    /// What is built, as people call it.
    pub title: &'static str,
    /// Of its folder and its log.
    pub name: &'static str,
    /// Its `go.mod`.
    pub versions: &'static str,
    /// Its `go.sum`.
    pub sums: &'static str,
    /// Its own programs, each by its path.
    pub sources: &'static [(&'static str, &'static str)],
}

impl Module {
    /// The version that it names of `package`, such as `v1.34.4`.
    pub(super) fn version(&self, package: &str) -> Option<&'static str> {
        self.versions.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(package))
                .then(|| words.next())
                .flatten()
        })
    }

    /// Builds these packages; the folder with the programs, each named as the last part of its package.
    pub(super) fn build(
        &self,
        packages: &[&str],
        linker: &str,
        tell: Tell<'_>,
    ) -> anyhow::Result<PathBuf> {
        let title = self.title;
        if machine::find("go").is_none() {
            bail!("`go` was not found: {title} is built with Go 1.25 or later");
        }
        let source = folder().join(format!("{}-module", self.name));
        let built = source.join("bin");
        fs::create_dir_all(&built)
            .with_context(|| format!("failed to make {}", built.display()))?;
        fs::write(source.join("go.mod"), self.versions)?;
        fs::write(source.join("go.sum"), self.sums)?;
        for (path, text) in self.sources {
            let path = source.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        let mut command = Command::new("timeout");
        command
            .args(["1800", "go", "build", "-trimpath", "-buildvcs=false"])
            .arg(format!("-ldflags=-s -w {linker}"))
            // With the slash it is a folder, also for one program.
            .args(["-o", "bin/"])
            .args(packages)
            .current_dir(&source)
            .env("GOFLAGS", "-mod=readonly")
            .env("CGO_ENABLED", "0");
        let log = format!("{}.log", self.name);
        step(&format!("build {title}"), &log, &mut command, tell)?;
        Ok(built)
    }
}

/// Whether a program runs and says this version.
pub(super) fn says(command: &mut Command, version: Option<&str>) -> bool {
    let asked = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    asked.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        version.is_some_and(|version| text.contains(version))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_built() {
        let module = Module {
            title: "it",
            name: "it",
            versions: "replace (\n\tk8s.io/api => k8s.io/api v0.34.4\n)\nrequire (\n\
                       \texample.test/it/v2 v2.0.1 // indirect\n\texample.test/it v1.2.3\n)\n",
            sums: "",
            sources: &[],
        };
        assert_eq!(module.version("example.test/it"), Some("v1.2.3"));
        assert_eq!(module.version("example.test"), None);
    }
}
