//! A Kubernetes API server of our own: etcd, the API server and the controller manager.
//!
//! What is asked of an API server is answered by the real one: custom resources with their CEL rules, RBAC, admission
//! policies, Pod Security, garbage collection, namespaces that end. There are no nodes, so no pod ever runs: for that there
//! is [`crate::node::Node`].

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    install::kubernetes,
    probe::{self, local},
    process::{Id, Process},
};

mod config;
mod kubectl;
mod pki;
mod place;

pub use config::kubeconfig_for;
pub(crate) use config::throw_away;
pub use kubectl::{ctl, is_ready, kubectl, wait_until_published};
pub(crate) use place::Inside;
use place::Place;

/// It is up in about 6 s on a quiet machine.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(20);

/// What a cluster may be given.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More flags of the API server, such as `--audit-policy-file=…`.
    pub flags: Vec<String>,
}

/// A cluster without nodes. Faults are the API server's; the others stay beside it.
// Dropped in this order.
#[derive(Debug)]
pub struct Kube {
    manager: Process,
    server: Process,
    etcd: Process,
    place: Place,
    options: Options,
}

impl Kube {
    /// Starts a cluster with its data in `data`, and waits until the API server is ready and the controllers work.
    ///
    /// # Errors
    /// When it is not installed or does not come up, with the end of a log.
    pub fn start(data: &Path, options: &Options) -> anyhow::Result<Self> {
        Self::start_for(data, options, None)
    }

    /// Starts one that nodes come to, if there is to be an inside.
    pub(crate) fn start_for(
        data: &Path,
        options: &Options,
        inside: Option<Inside>,
    ) -> anyhow::Result<Self> {
        let place = Place::make(data.join("kube"), inside)?;
        let mut etcd = place.start("etcd", &mut place.etcd()?)?;
        etcd.wait(START, "etcd to listen", || {
            probe::connect(local(place.store.number))
        })?;
        let mut server = place.start("api-server", &mut place.api_server(options))?;
        place.wait_until_ready(&mut server)?;
        let mut manager = place.start("controller-manager", &mut place.manager())?;
        place.wait_until_controlled(&mut manager)?;
        Ok(Self {
            manager,
            server,
            etcd,
            place,
            options: options.clone(),
        })
    }

    /// What clients need to be an administrator: a file with address and certificates.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.place.kubeconfig()
    }

    /// The client.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        kubectl()
    }

    /// `kubectl` as an administrator; what it printed. See [`ctl`].
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn ctl(&self, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        self.place.ctl(args, input)
    }

    /// Port of the API server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.place.api.number
    }

    /// The API server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.id().pid
    }

    /// All its processes: API server, controller manager, etcd.
    #[must_use]
    pub fn ids(&self) -> Vec<Id> {
        vec![self.server.id(), self.manager.id(), self.etcd.id()]
    }

    /// SIGKILL to the API server. etcd and the controller manager stay.
    ///
    /// # Errors
    /// When it stays.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.server.kill()
    }

    /// Starts the API server again with the same data and port; kills it before, if it runs. A controller manager that
    /// has given up meanwhile is started again, too.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        let place = &self.place;
        self.server = place.start("api-server", &mut place.api_server(&self.options))?;
        place.wait_until_ready(&mut self.server)?;
        if !self.manager.id().is_running() {
            self.manager = place.start("controller-manager", &mut place.manager())?;
            place.wait_until_controlled(&mut self.manager)?;
        }
        Ok(())
    }

    /// Stops the clock for the API server: connections stay open, and nothing is answered.
    pub fn pause(&self) {
        self.server.id().pause();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.server.id().resume();
    }

    /// A folder of its own below its data, for who adds to it.
    pub(crate) fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// The authority's certificate, then the certificate and the key of a node of this name and address.
    pub(crate) fn node(&self, name: &str, address: Ipv4Addr) -> anyhow::Result<[PathBuf; 3]> {
        let pki = &self.place.pki;
        pki.node(name, address)?;
        let config = config::user(pki, self.place.address(), "node")?;
        config::write(&self.place.folder.join("node.kubeconfig"), &config)?;
        Ok(["ca.crt", "node.crt", "node.key"].map(|file| pki.path(file)))
    }

    /// Ends all of it in order.
    ///
    /// # Errors
    /// When a process stays.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.manager.stop("TERM", STOP)?;
        self.server.stop("TERM", STOP)?;
        self.etcd.stop("TERM", STOP)
    }

    /// Lets it outlive us; the processes to remember.
    pub(crate) fn outlive(mut self) -> Vec<Id> {
        for process in [&mut self.manager, &mut self.server, &mut self.etcd] {
            process.release();
        }
        vec![self.manager.id(), self.server.id(), self.etcd.id()]
    }
}

/// Whether one is installed here.
#[must_use]
pub fn is_installed() -> bool {
    kubernetes::is_installed()
}
