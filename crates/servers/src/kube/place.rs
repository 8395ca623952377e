//! Where a cluster lies and listens, and how its programs are called.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
};

use anyhow::Context;

use super::{Options, START, config, is_ready, kubectl, pki::Pki};
use crate::{
    install::kubernetes::{self, Program},
    port::Port,
    probe::{self, local},
    process::Process,
};

/// Where addresses of services begin in a cluster that nobody is inside of.
const SERVICES: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);

/// Where it lies and listens.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) api: Port,
    pub(super) store: Port,
    /// etcd will have one for other members.
    peers: Port,
    pub(super) pki: Pki,
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

impl Place {
    pub(super) fn make(folder: PathBuf, inside: Option<Inside>) -> anyhow::Result<Self> {
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

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// Of the API server.
    pub(super) fn address(&self) -> SocketAddr {
        let port = self.api.number;
        self.inside
            .map_or(local(port), |inside| (inside.host, port).into())
    }

    pub(super) fn start(&self, name: &str, command: &mut Command) -> anyhow::Result<Process> {
        let log = self.folder.join(format!("{name}.log"));
        Process::start(command.current_dir(&self.folder), &log)
            .context("Kubernetes is not installed here: `cargo xtask services up` installs it")
    }

    pub(super) fn etcd(&self) -> anyhow::Result<Command> {
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

    pub(super) fn api_server(&self, options: &Options) -> Command {
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

    pub(super) fn manager(&self) -> Command {
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

    pub(super) fn ctl(&self, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        kubectl::ctl(&self.kubeconfig(), args, input)
    }

    pub(super) fn wait_until_ready(&self, server: &mut Process) -> anyhow::Result<()> {
        let (address, kubeconfig) = (self.address(), self.kubeconfig());
        server.wait(START, "the API server to be ready", || {
            probe::connect(address)?;
            is_ready(&kubeconfig)
        })
    }

    pub(super) fn wait_until_controlled(&self, manager: &mut Process) -> anyhow::Result<()> {
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
