//! A Kubernetes API server of our own: etcd, the API server and the controller manager.
//!
//! What is asked of an API server is answered by the real one: custom resources with their CEL rules, RBAC, admission
//! policies, Pod Security, garbage collection, namespaces that end. There are no nodes, so no pod ever runs: for that there
//! is [`crate::node::Node`].

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;

use crate::{
    install::kubernetes::{self, Program},
    port::Port,
    probe::{self, local},
    process::{Id, Process},
};

mod config;
mod kubectl;
mod pki;

pub use config::kubeconfig_for;
pub(crate) use config::throw_away;
pub use kubectl::{ctl, is_ready, kubectl};
use pki::Pki;

/// It is up in about 6 s on a quiet machine.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(20);
/// Where addresses of services begin in a cluster that nobody is inside of.
const SERVICES: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);

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

/// Where it lies and listens.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    api: Port,
    store: Port,
    /// etcd will have one for other members.
    peers: Port,
    pki: Pki,
    inside: Option<Inside>,
}

/// What pods see of the control plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside {
    /// The API server's address, which nodes reach.
    pub host: Ipv4Addr,
    /// Where addresses of services begin, sixteen bits of them or fewer.
    pub services: Ipv4Addr,
    /// How many bits of an address of a service are the same in all.
    pub prefix: u8,
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

impl Place {
    fn make(folder: PathBuf, inside: Option<Inside>) -> anyhow::Result<Self> {
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let addresses = [
            inside.map_or(Ipv4Addr::LOCALHOST, |inside| inside.host),
            // The first of the services is `kubernetes`.
            first(inside.map_or(SERVICES, |inside| inside.services)),
        ];
        let this = Self {
            pki: Pki::make(&folder.join("pki"), &addresses)?,
            folder,
            api: Port::free()?,
            store: Port::free()?,
            peers: Port::free()?,
            inside,
        };
        let config = config::administrator(&this.pki, this.address())?;
        config::write(&this.kubeconfig(), &config)?;
        Ok(this)
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// Of the API server.
    fn address(&self) -> SocketAddr {
        let port = self.api.number;
        self.inside
            .map_or(local(port), |inside| (inside.host, port).into())
    }

    fn start(&self, name: &str, command: &mut Command) -> anyhow::Result<Process> {
        let log = self.folder.join(format!("{name}.log"));
        Process::start(command.current_dir(&self.folder), &log)
            .context("Kubernetes is not installed here: `cargo xtask services up` installs it")
    }

    fn etcd(&self) -> anyhow::Result<Command> {
        let program = kubernetes::etcd()
            .context("etcd is not installed here: `cargo xtask services up` installs it")?;
        let clients = format!("http://127.0.0.1:{}", self.store.number);
        let peers = format!("http://127.0.0.1:{}", self.peers.number);
        let mut command = Command::new(program);
        command
            .args(["--data-dir", "etcd", "--log-level", "warn"])
            .args(["--listen-client-urls", &clients])
            .args(["--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers])
            .args(["--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}")])
            // It need not survive the machine, only its processes.
            .arg("--unsafe-no-fsync");
        Ok(command)
    }

    fn api_server(&self, options: &Options) -> Command {
        let mut command = Command::new(Program::ApiServer.path());
        command
            .arg(format!(
                "--etcd-servers=http://127.0.0.1:{}",
                self.store.number
            ))
            .arg(format!("--secure-port={}", self.api.number))
            .arg(format!("--bind-address={}", self.address().ip()))
            .arg(format!("--advertise-address={}", self.address().ip()))
            .arg("--authorization-mode=Node,RBAC");
        if let Some(Inside {
            services, prefix, ..
        }) = self.inside
        {
            command
                .arg(format!("--service-cluster-ip-range={services}/{prefix}"))
                .arg("--kubelet-preferred-address-types=InternalIP")
                .args(self.pki.towards_nodes_flags());
        } else {
            command
                .arg(format!("--service-cluster-ip-range={SERVICES}/16"))
                // Nobody is inside the cluster to come in by the service `kubernetes`, and it must not lead to loopback.
                .arg("--endpoint-reconciler-type=none");
        }
        command
            .args([
                "--service-account-issuer=https://kubernetes.default.svc",
                "--allow-privileged",
            ])
            .args(self.pki.api_server_flags())
            .args(&options.flags);
        command
    }

    fn manager(&self) -> Command {
        let mut command = Command::new(Program::ControllerManager.path());
        command
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            // There is only one, and nobody asks it how it is.
            .args(["--leader-elect=false", "--secure-port=0"])
            .arg("--use-service-account-credentials")
            // As it comes it holds itself back to 20 requests a second, and is not at work before 5 s.
            .args(["--kube-api-qps=1000", "--kube-api-burst=1000"])
            .args(self.pki.manager_flags());
        command
    }

    fn ctl(&self, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        let mut command = kubectl::command(&self.kubeconfig());
        // What it remembers goes by the port, which another cluster may have had.
        command.env("KUBECACHEDIR", self.folder.join("cache"));
        kubectl::run(&mut command, args, input)
    }

    fn wait_until_ready(&self, server: &mut Process) -> anyhow::Result<()> {
        let (address, kubeconfig) = (self.address(), self.kubeconfig());
        server.wait(START, "the API server to be ready", || {
            probe::connect(address)?;
            is_ready(&kubeconfig)
        })
    }

    fn wait_until_controlled(&self, manager: &mut Process) -> anyhow::Result<()> {
        let ask = ["get", "serviceaccount", "default", "--namespace", "default"];
        manager
            .wait(START, "a service account from the controllers", || {
                self.ctl(&ask, None)
            })
            .map(drop)
    }
}

/// The one after it.
fn first(services: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(services.to_bits() + 1)
}

/// Whether one is installed here.
#[must_use]
pub fn is_installed() -> bool {
    kubernetes::is_installed()
}
