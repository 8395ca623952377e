//! A server of our own that speaks MongoDB's wire protocol.
//!
//! `mongod` where it is on the search path. Elsewhere FerretDB in front of PostgreSQL 18 with the DocumentDB extension:
//! what MongoDB's drivers send is answered by it as MongoDB would, with what we use of it (unordered inserts, duplicate
//! keys, TTL indexes). Its two processes are killed, paused and started as one server.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    install::{ferretdb, sid},
    machine,
    port::Port,
    probe::{self, local},
    process::{self, Id, Process},
};

const START: Duration = Duration::from_secs(180);
const STOP: Duration = Duration::from_secs(20);

/// A server.
#[derive(Debug)]
pub struct Mongo {
    folder: PathBuf,
    address: Ipv4Addr,
    port: Port,
    front: Process,
    store: Option<Store>,
}

/// What FerretDB keeps its documents in.
#[derive(Debug)]
struct Store {
    data: sid::Data,
    port: Port,
    server: Process,
}

impl Mongo {
    /// Starts a server with its data in `folder` (FerretDB's are inside the installed system), and waits until it
    /// answers.
    ///
    /// # Errors
    /// When none is installed or it does not come up, with the end of its log.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_at(folder, Ipv4Addr::LOCALHOST)
    }

    /// Starts one that listens there: for pods, the machine as they see it ([`crate::node::Node::host`]).
    ///
    /// # Errors
    /// As [`Mongo::start`].
    pub fn start_at(folder: &Path, address: Ipv4Addr) -> anyhow::Result<Self> {
        let folder = folder.join("mongodb");
        fs::create_dir_all(folder.join("data"))
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let port = Port::free()?;
        let store = match machine::find("mongod") {
            Some(_) => None,
            None => Some(Store::start(&folder)?),
        };
        let front = front(&folder, (address, port.number).into(), store.as_ref())?;
        let mut this = Self {
            folder,
            address,
            port,
            front,
            store,
        };
        this.wait_until_ready()?;
        Ok(this)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mongodb://{}/", self.address())
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The process that clients talk to.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.front.id().pid
    }

    /// That process, and the one that keeps its documents where that is another.
    #[must_use]
    pub fn ids(&self) -> Vec<Id> {
        let store = self.store.as_ref().map(|store| store.server.id());
        [self.front.id()].into_iter().chain(store).collect()
    }

    /// SIGKILL to all its processes.
    ///
    /// # Errors
    /// When one stays.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.front.kill()?;
        self.store
            .as_mut()
            .map_or(Ok(()), |store| store.server.kill())
    }

    /// Starts it again with the same data and port; kills it before, if it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        if let Some(store) = &mut self.store {
            store.restart(&self.folder)?;
        }
        self.front = front(&self.folder, self.address(), self.store.as_ref())?;
        self.wait_until_ready()
    }

    /// Stops the clock for all its processes.
    pub fn pause(&self) {
        self.all().for_each(Id::pause);
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.all().for_each(Id::resume);
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.front.stop("TERM", STOP)?;
        self.store
            .as_mut()
            .map_or(Ok(()), |store| store.server.stop("INT", STOP))
    }

    /// Lets it outlive us; the processes to remember, and the folder inside the installed system.
    pub(crate) fn outlive(mut self) -> (Vec<Id>, Option<PathBuf>) {
        let ids = self.all().collect();
        self.front.release();
        let data = self.store.as_mut().map(|store| {
            store.server.release();
            store.data.keep()
        });
        (ids, data)
    }

    fn all(&self) -> impl Iterator<Item = Id> + '_ {
        let store = self.store.iter().map(|store| store.server.id());
        std::iter::once(self.front.id()).chain(store)
    }

    fn address(&self) -> SocketAddr {
        (self.address, self.port.number).into()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let address = self.address();
        self.front.wait(START, "the MongoDB server to answer", || {
            probe::mongodb(address)
        })
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        if self.front.is_ours() {
            let _ = self.front.kill();
            if let Some(store) = &mut self.store {
                let _ = store.server.stop("QUIT", STOP);
            }
        }
    }
}

impl Store {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let (data, port) = (sid::Data::make()?, Port::free()?);
        let server = Process::start(&mut data.server(port.number), &folder.join("store.log"))?;
        let mut this = Self { data, port, server };
        this.wait_until_ready()?;
        Ok(this)
    }

    fn restart(&mut self, folder: &Path) -> anyhow::Result<()> {
        process::forget_the_dead(&self.data.folder());
        self.server = Process::start(
            &mut self.data.server(self.port.number),
            &folder.join("store.log"),
        )?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let address = local(self.port.number);
        self.server.wait(START, "DocumentDB to answer", || {
            let sql = "create extension if not exists documentdb cascade";
            probe::postgres(address, sid::USER, "postgres", sql)
        })?;
        Ok(())
    }
}

fn front(folder: &Path, at: SocketAddr, store: Option<&Store>) -> anyhow::Result<Process> {
    let mut command = match store {
        None => {
            let mut command = Command::new("mongod");
            command
                .args(["--bind_ip", &at.ip().to_string()])
                .args(["--port", &at.port().to_string()])
                .arg("--dbpath")
                .arg(folder.join("data"));
            command
        }
        Some(store) => {
            let program = ferretdb::program();
            ensure!(
                program.is_file(),
                "FerretDB is not installed here: `cargo xtask services up` installs it"
            );
            let mut command = Command::new(program);
            command
                .arg(format!(
                    "--postgresql-url=postgres://{}@127.0.0.1:{}/postgres",
                    sid::USER,
                    store.port.number
                ))
                .arg(format!("--listen-addr={at}"))
                .arg(format!("--state-dir={}", folder.join("data").display()))
                .args(["--no-auth", "--telemetry=disable", "--debug-addr=-"])
                .arg("--log-level=warn");
            command
        }
    };
    Process::start(command.current_dir(folder), &folder.join("front.log"))
}

/// Whether one is installed here.
#[must_use]
pub fn is_installed() -> bool {
    machine::find("mongod").is_some() || (ferretdb::is_built() && sid::is_installed())
}
