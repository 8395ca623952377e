//! A RabbitMQ node of our own: one of any number on this machine.
//!
//! Node name, ports, data, cookie and `epmd` are its own, so that nothing it does is seen by another.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    machine,
    port::Port,
    probe,
    process::{Id, Process},
};

/// Debian's package puts the program's scripts here.
pub(crate) const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
/// A node is up in 8–12 s on a quiet machine.
const START: Duration = Duration::from_secs(180);
/// How long an orderly end may take.
const STOP: Duration = Duration::from_secs(20);

/// What a node may be given.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node raises its disk alarm when less is free, in bytes.
    pub disk_free_limit: u64,
    /// Between two updates of the numbers that management shows, in milliseconds.
    pub statistics_every_ms: u32,
    /// More lines for `rabbitmq.conf`.
    pub settings: Vec<String>,
    /// A second door to the management API, with TLS.
    pub tls: Option<Tls>,
    /// Where it listens: for pods, the machine as they see it ([`crate::node::Node::host`]).
    pub address: Ipv4Addr,
}

/// Files in PEM form for a door with TLS. The node reads them again when it is restarted.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who signs the certificates of those whom the node lets in.
    pub authority: PathBuf,
    /// What the node shows.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whether only who has a certificate is let in.
    pub ask_for_certificate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            disk_free_limit: 50_000_000,
            statistics_every_ms: 1_000,
            settings: Vec::new(),
            tls: None,
            address: Ipv4Addr::LOCALHOST,
        }
    }
}

/// A node.
#[derive(Debug)]
pub struct RabbitMq {
    folder: PathBuf,
    address: Ipv4Addr,
    amqp: Port,
    management: Port,
    management_tls: Port,
    distribution: Port,
    names: Port,
    /// Names of nodes and their ports; stays when the node is killed.
    epmd: Process,
    node: Process,
}

impl RabbitMq {
    /// Starts a node with its data in `folder`, and waits until both its protocols answer.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or the node does not come up, with the end of its log.
    pub fn start(folder: &Path, options: &Options) -> anyhow::Result<Self> {
        let folder = folder.join("rabbitmq");
        fs::create_dir_all(folder.join("log"))
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let (amqp, management) = (Port::free()?, Port::free()?);
        let (distribution, names) = (Port::free()?, Port::free()?);
        let management_tls = Port::free()?;
        fs::write(folder.join("enabled_plugins"), "[rabbitmq_management].\n")?;
        fs::write(
            folder.join("rabbitmq.conf"),
            configuration(
                amqp.number,
                management.number,
                management_tls.number,
                options,
            ),
        )?;
        let mut command = Command::new("epmd");
        command
            .args(["-port", &names.number.to_string()])
            .args(["-address", "127.0.0.1"]);
        let epmd = Process::start(&mut command, &folder.join("epmd.log"))
            .context("RabbitMQ is not installed here: `cargo xtask services up` installs it")?;
        let node = Process::start(
            &mut command_of(
                &folder,
                "rabbitmq-server",
                (options.address, &amqp),
                &distribution,
                &names,
            ),
            &folder.join("node.log"),
        )?;
        let mut this = Self {
            folder,
            address: options.address,
            amqp,
            management,
            management_tls,
            distribution,
            names,
            epmd,
            node,
        };
        this.wait_until_ready()?;
        Ok(this)
    }

    /// Where AMQP is spoken, as an administrator.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}:{}", self.address, self.amqp.number)
    }

    /// Where the management API is.
    #[must_use]
    pub fn management_url(&self) -> String {
        format!(
            "http://guest:guest@{}:{}",
            self.address, self.management.number
        )
    }

    /// Port of the management API with TLS, where [`Options::tls`] asks for one.
    #[must_use]
    pub fn management_tls_port(&self) -> u16 {
        self.management_tls.number
    }

    /// Port of AMQP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.amqp.number
    }

    /// The node's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.node.id().pid
    }

    /// SIGKILL to the node and everything that it started.
    ///
    /// # Errors
    /// When one stays.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.node.kill()
    }

    /// Starts the node again with the same data and ports; kills it before, if it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.node.kill()?;
        self.node = Process::start(
            &mut self.command("rabbitmq-server"),
            &self.folder.join("node.log"),
        )?;
        self.wait_until_ready()
    }

    /// Stops the clock for the node.
    pub fn pause(&self) {
        self.node.id().pause();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.node.id().resume();
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.node.stop("TERM", STOP)?;
        self.epmd.stop("TERM", STOP)
    }

    /// `rabbitmqctl` of this node, such as `["set_disk_free_limit", "2000GB"]`, and what it printed.
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn ctl(&self, args: &[&str]) -> anyhow::Result<String> {
        let output: Output = self
            .command("rabbitmqctl")
            .args(["--quiet", "--node", &node_name(&self.amqp)])
            .args(args)
            .output()
            .context("failed to start rabbitmqctl")?;
        ensure!(
            output.status.success(),
            "rabbitmqctl {} failed: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Lets it outlive us; the processes to remember, the node first.
    pub(crate) fn outlive(mut self) -> Vec<Id> {
        self.node.release();
        self.epmd.release();
        vec![self.node.id(), self.epmd.id()]
    }

    fn command(&self, script: &str) -> Command {
        command_of(
            &self.folder,
            script,
            (self.address, &self.amqp),
            &self.distribution,
            &self.names,
        )
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let address = |port: &Port| (self.address, port.number).into();
        let (amqp, management) = (address(&self.amqp), address(&self.management));
        self.node
            .wait(START, "RabbitMQ to answer", || {
                probe::amqp(amqp)?;
                probe::http(management, "/api/overview")
            })
            .map(drop)
    }
}

fn node_name(amqp: &Port) -> String {
    format!("sendry-{}@localhost", amqp.number)
}

fn configuration(amqp: u16, management: u16, management_tls: u16, options: &Options) -> String {
    let address = options.address;
    let mut text = format!(
        "listeners.tcp.1 = {address}:{amqp}\n\
         management.tcp.ip = {address}\n\
         management.tcp.port = {management}\n\
         loopback_users = none\n\
         disk_free_limit.absolute = {}\n\
         collect_statistics_interval = {}\n\
         raft.wal_max_size_bytes = 67108864\n\
         log.console = true\n\
         log.console.level = info\n",
        options.disk_free_limit, options.statistics_every_ms
    );
    if let Some(tls) = &options.tls {
        let ask = tls.ask_for_certificate;
        let verify = if ask { "verify_peer" } else { "verify_none" };
        text.push_str(&format!(
            "management.ssl.ip = {address}\n\
             management.ssl.port = {management_tls}\n\
             management.ssl.cacertfile = {}\n\
             management.ssl.certfile = {}\n\
             management.ssl.keyfile = {}\n\
             management.ssl.verify = {verify}\n\
             management.ssl.fail_if_no_peer_cert = {ask}\n",
            tls.authority.display(),
            tls.certificate.display(),
            tls.key.display(),
        ));
    }
    for line in &options.settings {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// One of RabbitMQ's scripts with this node's names. The script becomes the virtual machine, so that the child is it.
fn command_of(
    folder: &Path,
    script: &str,
    (address, amqp): (Ipv4Addr, &Port),
    distribution: &Port,
    names: &Port,
) -> Command {
    let mut command = Command::new(Path::new(SCRIPTS).join(script));
    let path = |name: &str| folder.join(name);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("RUNNING_UNDER_SYSTEMD", "true")
        .env("ERL_EPMD_PORT", names.number.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODENAME", node_name(amqp))
        .env("RABBITMQ_NODE_IP_ADDRESS", address.to_string())
        .env("RABBITMQ_NODE_PORT", amqp.number.to_string())
        .env("RABBITMQ_DIST_PORT", distribution.number.to_string())
        .env("RABBITMQ_CONF_ENV_FILE", path("no-environment"))
        .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", path("no-advanced.config"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins"))
        .env("RABBITMQ_MNESIA_BASE", path("data"))
        .env("RABBITMQ_LOG_BASE", path("log"))
        .env("RABBITMQ_SCHEMA_DIR", path("schema"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", path("config"))
        // Schedulers that spin while idle would take the cores from what is measured.
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "+sbwt none +sbwtdcpu none +sbwtdio none",
        );
    command
}

/// Whether it is installed here.
#[must_use]
pub fn is_installed() -> bool {
    Path::new(SCRIPTS).join("rabbitmq-server").exists() && machine::find("epmd").is_some()
}
