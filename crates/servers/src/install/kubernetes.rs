//! The control plane of Kubernetes: etcd from Debian, the rest built from its Go module by the versions that we name.
//!
//! Whoever has a folder with an API server of another version, as tools for tests of operators keep it, names it by
//! `KUBEBUILDER_ASSETS`; what it lacks is built.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;

use super::go::{self, Module};
use crate::{Tell, folder, machine};

const MODULE: Module = Module {
    title: "Kubernetes",
    name: "kubernetes",
    versions: include_str!("../../kubernetes/go.mod"),
    sums: include_str!("../../kubernetes/go.sum"),
};
const PACKAGE: &str = "k8s.io/kubernetes";
/// Names a folder with `etcd`, `kube-apiserver` and perhaps more.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// What is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The API server.
    ApiServer,
    /// What deletes the contents of namespaces, collects garbage and makes service accounts.
    ControllerManager,
    /// The client.
    Kubectl,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ApiServer, Self::ControllerManager, Self::Kubectl];

    /// Of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
        }
    }

    /// The program: the one in `KUBEBUILDER_ASSETS`, else ours.
    #[must_use]
    pub fn path(self) -> PathBuf {
        asset(self.name()).unwrap_or_else(|| self.ours())
    }

    /// Where the one that we build is.
    fn ours(self) -> PathBuf {
        folder().join("kube/bin").join(self.name())
    }

    /// Whether it is there and, where it is ours, runs in the version that we name.
    fn is_there(self) -> bool {
        let mut command = Command::new(self.ours());
        let command = match self {
            Self::ApiServer | Self::ControllerManager => command.arg("--version"),
            Self::Kubectl => command.args(["version", "--client"]),
        };
        asset(self.name()).is_some() || go::says(command, MODULE.version(PACKAGE))
    }
}

/// `etcd`, in `KUBEBUILDER_ASSETS` or on the search path.
#[must_use]
pub fn etcd() -> Option<PathBuf> {
    asset("etcd").or_else(|| machine::find("etcd"))
}

/// Whether all of it is here.
#[must_use]
pub fn is_installed() -> bool {
    packages().is_empty() && Program::ALL.into_iter().all(Program::is_there)
}

/// Debian's packages that are not there.
pub(super) fn packages() -> Vec<&'static str> {
    let etcd = etcd().is_none().then_some("etcd-server");
    let openssl = machine::find("openssl").is_none().then_some("openssl");
    etcd.into_iter().chain(openssl).collect()
}

/// Builds what is not there. A program appears whole or not at all.
pub(super) fn build(tell: Tell<'_>) -> anyhow::Result<()> {
    let missing: Vec<Program> = Program::ALL
        .into_iter()
        .filter(|program| !program.is_there())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<String> = missing
        .iter()
        .map(|program| format!("{PACKAGE}/cmd/{}", program.name()))
        .collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let version = MODULE
        .version(PACKAGE)
        .context("our module names no version of Kubernetes")?;
    let built = MODULE.build(&packages, &stamps(version), tell)?;
    for program in missing {
        let place = program.ours();
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("failed to make {}", folder.display()))?;
        }
        fs::rename(built.join(program.name()), &place)
            .with_context(|| format!("failed to put {} in its place", place.display()))?;
    }
    Ok(())
}

/// What the linker writes in, as the makers' own build does: without it an API server takes itself for version 0.
fn stamps(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next(), numbers.next());
    format!(
        "-X k8s.io/component-base/version.gitVersion={version} \
         -X k8s.io/component-base/version.gitMajor={} \
         -X k8s.io/component-base/version.gitMinor={} \
         -X k8s.io/client-go/pkg/version.gitVersion={version}",
        major.unwrap_or("0"),
        minor.unwrap_or("0")
    )
}

fn asset(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(machine::environment(ASSETS)?);
    Some(folder.join(name)).filter(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_named_is_written_into_the_programs() {
        let stamps = stamps(MODULE.version(PACKAGE).unwrap());
        assert!(stamps.contains("version.gitVersion=v1.34."), "{stamps}");
        assert!(stamps.contains("gitMajor=1 "), "{stamps}");
        assert!(stamps.contains("gitMinor=34 "), "{stamps}");
    }
}
