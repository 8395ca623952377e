//! Kubernetes: etcd and what runs containers from Debian, the rest built from one Go module by the versions that we name.
//!
//! One module, so that what its programs have in common is compiled once: the client's library, for the most part.
//!
//! Whoever has a folder with an API server of another version, as tools for tests of operators keep it, names it by
//! `KUBEBUILDER_ASSETS`; what it lacks is built.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use super::go::{self, Module};
use crate::{Tell, folder, machine};

const MODULE: Module = Module {
    title: "Kubernetes",
    name: "kubernetes",
    versions: include_str!("../../kubernetes/go.mod"),
    sums: include_str!("../../kubernetes/go.sum"),
    sources: &[
        (
            "coredns/main.go",
            include_str!("../../kubernetes/coredns/main.go"),
        ),
        (
            "pause/main.go",
            include_str!("../../kubernetes/pause/main.go"),
        ),
    ],
};
const PACKAGE: &str = "k8s.io/kubernetes";
const HELM: &str = "helm.sh/helm/v3";
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
    /// What gives pods to nodes.
    Scheduler,
    /// What runs a node's pods.
    Kubelet,
    /// What leads a service's address to its pods.
    Proxy,
    /// The names of services.
    CoreDns,
    /// The first process of every pod.
    Pause,
    /// What installs charts.
    Helm,
}

impl Program {
    /// What answers as an API server does, without any pod.
    pub const CONTROL_PLANE: [Self; 3] = [Self::ApiServer, Self::ControllerManager, Self::Kubectl];
    /// What a node needs besides.
    pub const NODE: [Self; 6] = [
        Self::Scheduler,
        Self::Kubelet,
        Self::Proxy,
        Self::CoreDns,
        Self::Pause,
        Self::Helm,
    ];

    /// Of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::Proxy => "kube-proxy",
            Self::CoreDns => "coredns",
            Self::Pause => "pause",
            Self::Helm => "helm",
        }
    }

    /// What is compiled.
    fn package(self) -> String {
        match self {
            Self::CoreDns | Self::Pause => format!("./{}", self.name()),
            Self::Helm => format!("{HELM}/cmd/helm"),
            _ => format!("{PACKAGE}/cmd/{}", self.name()),
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
        if asset(self.name()).is_some() {
            return true;
        }
        let mut command = Command::new(self.ours());
        let (command, version) = match self {
            Self::Kubectl => (
                command.args(["version", "--client"]),
                MODULE.version(PACKAGE),
            ),
            Self::Helm => (command.args(["version", "--short"]), MODULE.version(HELM)),
            Self::CoreDns => {
                let version = MODULE.version("github.com/coredns/coredns");
                (
                    command.arg("-version"),
                    version.map(|v| v.trim_start_matches('v')),
                )
            }
            // It has no version.
            Self::Pause => return self.ours().is_file(),
            _ => (command.arg("--version"), MODULE.version(PACKAGE)),
        };
        go::says(command, version)
    }
}

/// Debian's packages for a node, and by which program each is known.
const PACKAGES: [(&str, &str); 7] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("conntrack", "conntrack"),
    ("iproute2", "ip"),
    ("util-linux", "nsenter"),
    ("mount", "mount"),
];
/// Debian puts the programs of `containernetworking-plugins` here.
pub const NETWORK_PLUGINS: &str = "/usr/lib/cni";

/// `etcd`, in `KUBEBUILDER_ASSETS` or on the search path.
#[must_use]
pub fn etcd() -> Option<PathBuf> {
    asset("etcd").or_else(|| machine::find("etcd"))
}

/// Whether the control plane is here.
#[must_use]
pub fn is_installed() -> bool {
    packages().is_empty() && Program::CONTROL_PLANE.into_iter().all(Program::is_there)
}

/// Whether everything for a node is here.
#[must_use]
pub fn is_node_installed() -> bool {
    node_packages().is_empty() && Program::NODE.into_iter().all(Program::is_there)
}

/// Debian's packages for a node that are not there.
pub(super) fn node_packages() -> Vec<&'static str> {
    let plugins = Path::new(NETWORK_PLUGINS).join("ptp").is_file();
    let plugins = (!plugins).then_some("containernetworking-plugins");
    let missing = PACKAGES
        .iter()
        .filter(|(_, program)| machine::find(program).is_none());
    missing
        .map(|(package, _)| *package)
        .chain(plugins)
        .collect()
}

/// Debian's packages that are not there.
pub(super) fn packages() -> Vec<&'static str> {
    let etcd = etcd().is_none().then_some("etcd-server");
    let openssl = machine::find("openssl").is_none().then_some("openssl");
    etcd.into_iter().chain(openssl).collect()
}

/// Builds what is not there of `programs`. Each appears whole or not at all.
pub(super) fn build(programs: &[Program], tell: Tell<'_>) -> anyhow::Result<()> {
    let missing: Vec<Program> = programs
        .iter()
        .copied()
        .filter(|program| !program.is_there())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<String> = missing.iter().map(|program| program.package()).collect();
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

/// What the linker writes in, as the makers' own builds do: without it an API server takes itself for version 0, and
/// Helm its cluster for one of years ago.
fn stamps(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or("0");
    let minor = numbers.next().unwrap_or("0");
    let helm = MODULE.version(HELM).unwrap_or("v0");
    format!(
        "-X k8s.io/component-base/version.gitVersion={version} \
         -X k8s.io/component-base/version.gitMajor={major} \
         -X k8s.io/component-base/version.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion={version} \
         -X {HELM}/internal/version.version={helm} \
         -X {HELM}/pkg/lint/rules.k8sVersionMajor={major} \
         -X {HELM}/pkg/lint/rules.k8sVersionMinor={minor} \
         -X {HELM}/pkg/chartutil.k8sVersionMajor={major} \
         -X {HELM}/pkg/chartutil.k8sVersionMinor={minor}"
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
