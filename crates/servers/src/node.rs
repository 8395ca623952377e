//! A cluster of our own that runs pods: the control plane of [`crate::kube`] and one node.
//!
//! The node has walls like a machine's: see [`House`]. Two of them do not meet, and nothing of one is left when it ends,
//! however it ends. Pods find each other by the names of their services, this machine at [`Node::host`], and nothing beyond:
//! images come from files. From this machine, pods and services are reached at their own addresses. Network policies are
//! stored and not enforced.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    install::kubernetes::{self, Program},
    kube::{self, Inside, Kube},
    probe,
    process::{Id, Process},
};

mod cgroups;
mod config;
mod house;
mod network;
mod tools;

use house::House;
pub use tools::{helm, load_image};

/// What the node is called.
pub const NAME: &str = "node";
/// All of it is up in about 15 s on a quiet machine.
const START: Duration = Duration::from_secs(180);

/// A cluster of one node.
// Dropped in this order: the node's end is the end of all inside.
#[derive(Debug)]
pub struct Node {
    house: House,
    parts: Vec<Process>,
    scheduler: Process,
    kube: Kube,
    folder: PathBuf,
}

impl Node {
    /// Starts a cluster with its data in `data`, and waits until its node takes pods.
    ///
    /// # Errors
    /// When it is not installed or does not come up, with the end of a log.
    pub fn start(data: &Path, options: &kube::Options) -> anyhow::Result<Self> {
        ensure!(
            kubernetes::is_node_installed(),
            "no node for Kubernetes is installed here: `cargo xtask cluster up` installs it, as root on Debian"
        );
        let folder = data.join("node");
        fs::create_dir_all(folder.join("network"))
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        let house = House::build(&folder)?;
        let (services, prefix) = house.network.services();
        let inside = Inside {
            host: house.network.host(),
            services,
            prefix,
        };
        let kube = Kube::start_for(data, options, Some(inside))?;
        let mut scheduler = Command::new(Program::Scheduler.path());
        scheduler
            .arg("--kubeconfig")
            .arg(kube.kubeconfig())
            .args(["--leader-elect=false", "--secure-port=0"]);
        let scheduler = Process::start(&mut scheduler, &folder.join("scheduler.log"))?;
        let mut this = Self {
            house,
            parts: Vec::new(),
            scheduler,
            kube,
            folder,
        };
        this.furnish()?;
        Ok(this)
    }

    /// The control plane.
    #[must_use]
    pub fn kube(&self) -> &Kube {
        &self.kube
    }

    /// What clients need to be an administrator: a file with address and certificates.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.kube.kubeconfig()
    }

    /// This machine, as pods see it. A server that pods are to reach listens there.
    #[must_use]
    pub fn host(&self) -> Ipv4Addr {
        self.house.network.host()
    }

    /// `kubectl` as an administrator; what it printed. See [`kube::ctl`].
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn ctl(&self, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        self.kube.ctl(args, input)
    }

    /// `helm` as an administrator; what it printed.
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn helm(&self, args: &[&str]) -> anyhow::Result<String> {
        helm(&self.kubeconfig(), &self.folder.join("helm"), args)
    }

    /// Loads an image from an archive, so that pods with `imagePullPolicy: Never` or `IfNotPresent` find it.
    ///
    /// # Errors
    /// When it is no archive of an image.
    pub fn load_image(&self, archive: &Path) -> anyhow::Result<()> {
        tools::load(&mut self.house.command(Path::new("ctr")), archive)
    }

    /// What to kill, and all is gone.
    #[must_use]
    pub fn ids(&self) -> Vec<Id> {
        let mut ids = vec![self.house.id(), self.scheduler.id()];
        ids.extend(self.kube.ids());
        ids
    }

    /// Ends it, with all its pods.
    ///
    /// # Errors
    /// When something stays.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.house.raze()?;
        self.scheduler.kill()?;
        self.kube.stop()
    }

    /// Lets it outlive us; the processes to remember.
    #[must_use]
    pub fn outlive(mut self) -> Vec<Id> {
        let ids = self.ids();
        self.house.release();
        self.scheduler.release();
        for part in &mut self.parts {
            part.release();
        }
        self.kube.outlive();
        ids
    }

    /// Starts what runs inside, and waits until pods are taken.
    fn furnish(&mut self) -> anyhow::Result<()> {
        let (folder, network) = (self.folder.clone(), &self.house.network);
        let admin = self.kube.kubeconfig();
        let files = self.kube.node(NAME, network.node())?;
        let file = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text)
                .with_context(|| format!("failed to write {}", path.display()))?;
            anyhow::Ok(path)
        };
        let containerd = file("containerd.toml", config::containerd(&folder))?;
        file("network/pods.conflist", config::pods(network).to_string())?;
        let kubelet = file("kubelet.json", config::kubelet(network, &files).to_string())?;
        let names = file("Corefile", config::names(network, &admin))?;
        let (pods, dns) = (network.pods(), (network.node(), 53).into());

        let mut command = self.house.command(Path::new("containerd"));
        let mut containers = self.house.start(
            &folder,
            "containerd",
            command.arg("--config").arg(containerd),
        )?;
        containers.wait(START, "containerd to answer", || {
            house::run(tools::ctr(&mut self.house.command(Path::new("ctr"))).arg("version"))
        })?;
        self.load_image(&tools::pause(&folder)?)?;

        let mut command = self.house.command(&Program::Kubelet.path());
        command
            .arg("--config")
            .arg(kubelet)
            .arg("--kubeconfig")
            .arg(self.kube.folder().join("node.kubeconfig"))
            .arg(format!("--hostname-override={NAME}"))
            .arg(format!("--node-ip={}", self.house.network.node()))
            .arg("--root-dir")
            .arg(folder.join("kubelet"));
        let mut kubelet = self.house.start(&folder, "kubelet", &mut command)?;

        let mut command = self.house.command(&Program::Proxy.path());
        command
            .arg("--kubeconfig")
            .arg(&admin)
            .arg(format!("--hostname-override={NAME}"))
            .arg(format!("--cluster-cidr={pods}"))
            .args(["--proxy-mode=iptables", "--oom-score-adj=0"])
            // As the machine has it.
            .args(["--conntrack-max-per-core=0", "--conntrack-min=0"]);
        let proxy = self.house.start(&folder, "kube-proxy", &mut command)?;

        let mut command = self.house.command(&Program::CoreDns.path());
        let command = command.arg("-conf").arg(names);
        let mut coredns = self.house.start(&folder, "coredns", command)?;

        kubelet.wait(START, "the node to be ready", || self.is_ready())?;
        coredns.wait(START, "the names of services", || {
            probe::connect(dns).map(drop)
        })?;
        self.parts = vec![proxy, coredns, kubelet, containers];
        Ok(())
    }

    fn is_ready(&self) -> anyhow::Result<()> {
        let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")]}";
        let said = self.ctl(&["get", "node", NAME, "--output", path], None)?;
        ensure!(said.contains(r#""status":"True""#), "the node says {said}");
        Ok(())
    }
}

/// Removes what a node left on this machine that was killed, where nobody did.
///
/// # Errors
/// When something stays.
pub fn sweep() -> anyhow::Result<()> {
    cgroups::sweep()
}
