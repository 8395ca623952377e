//! A PostgreSQL server of our own, with the durability that production has.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    machine::{self, User},
    port::Port,
    probe,
    process::{self, Id, Process},
};

/// Debian's package puts the programs here.
const BIN: &str = "/usr/lib/postgresql/15/bin";
/// The role that tests work as.
const ROLE: &str = "sendry";
const START: Duration = Duration::from_secs(180);
const STOP: Duration = Duration::from_secs(20);
/// Starts after a kill.
const TRIES: u32 = 20;

/// What a server may be given.
#[derive(Clone, Debug)]
pub struct Options {
    /// Room for its data in MiB, as a file system of its own: for a disk that gets full. Needs root.
    pub room_mib: Option<u32>,
    /// Settings, such as `("max_connections", "20")`.
    pub settings: Vec<(String, String)>,
    /// Where it listens: for pods, the machine as they see it ([`crate::node::Node::host`]).
    pub address: Ipv4Addr,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            room_mib: None,
            settings: Vec::new(),
            address: Ipv4Addr::LOCALHOST,
        }
    }
}

/// A server.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    options: Options,
    port: Port,
    server: Process,
    _room: Option<Room>,
}

impl Postgres {
    /// Starts a server with its data in `folder`, and waits until it answers a query.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not come up, with the end of its log.
    pub fn start(folder: &Path, options: &Options) -> anyhow::Result<Self> {
        let folder = folder.join("postgres");
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("failed to make {}", data.display()))?;
        let room = options
            .room_mib
            .map(|mib| Room::make(&data, mib))
            .transpose()?;
        let user = server_user()?;
        if let Some(User { uid, gid }) = user {
            // All the way down, the server must get through; a temporary folder lets only its owner.
            if let Some(parent) = folder.parent() {
                let_through(parent)?;
            }
            chown(&data, Some(uid), Some(gid))?;
        }
        let port = Port::free()?;
        initialise(&data, user)?;
        if options.address != Ipv4Addr::LOCALHOST {
            let_in(&data)?;
        }
        let server = Process::start(
            &mut command_of(&data, user, &port, options)?,
            &folder.join("server.log"),
        )?;
        let mut this = Self {
            folder,
            options: options.clone(),
            port,
            server,
            _room: room,
        };
        this.wait_until_ready()?;
        Ok(this)
    }

    /// Where it is, as a superuser who needs no password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{ROLE}@{}/postgres", self.address())
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.id().pid
    }

    /// Runs `sql` as a superuser; the rows, each value as text.
    ///
    /// # Errors
    /// With the server's message.
    pub fn query(&self, database: &str, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        probe::postgres(self.address(), ROLE, database, sql)
    }

    /// SIGKILL to the postmaster and every backend.
    ///
    /// # Errors
    /// When one stays.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.server.kill()
    }

    /// Starts it again with the same data and port; kills it before, if it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.server.kill()?;
        let (data, log) = (self.folder.join("data"), self.folder.join("server.log"));
        process::forget_the_dead(&data);
        let mut tries = 0;
        loop {
            let mut command = command_of(&data, server_user()?, &self.port, &self.options)?;
            self.server = Process::start(&mut command, &log)?;
            let Err(error) = self.wait_until_ready() else {
                return Ok(());
            };
            // A backend that was being forked while its postmaster was killed lives a moment longer, and holds the shared
            // memory until it notices.
            tries += 1;
            if tries == TRIES || !format!("{error:#}").contains("still in use") {
                return Err(error);
            }
            self.server.kill()?;
        }
    }

    /// Stops the clock for all its processes.
    pub fn pause(&self) {
        self.server.id().pause();
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.server.id().resume();
    }

    /// Ends it in order, with connections closed.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.server.stop("INT", STOP)
    }

    /// Where its data are.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Lets it outlive us; the process to remember.
    pub(crate) fn outlive(mut self) -> Vec<Id> {
        self.server.release();
        vec![self.server.id()]
    }

    fn address(&self) -> SocketAddr {
        (self.options.address, self.port.number).into()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let address = self.address();
        self.server
            .wait(START, "PostgreSQL to answer", || {
                probe::postgres(address, ROLE, "postgres", "select 1")
            })
            .map(drop)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, and yet it takes its shared memory away; before the file system that it may have of its own.
        if self.server.is_ours() {
            let _ = self.server.stop("QUIT", STOP);
        }
    }
}

/// Whether it is installed here.
#[must_use]
pub fn is_installed() -> bool {
    program("postgres").is_some()
}

fn program(name: &str) -> Option<PathBuf> {
    let debian = Path::new(BIN).join(name);
    if debian.is_file() {
        return Some(debian);
    }
    machine::find(name)
}

/// The user to run as: PostgreSQL refuses to be root. `None` where we are not.
fn server_user() -> anyhow::Result<Option<User>> {
    machine::is_root()
        .then(|| machine::user(Path::new("/"), "postgres"))
        .transpose()
        .context("PostgreSQL does not run as root, and Debian's package makes a user for it")
}

fn let_through(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut mode = fs::metadata(folder)?.permissions();
    mode.set_mode(mode.mode() | 0o011);
    fs::set_permissions(folder, mode)
        .with_context(|| format!("failed to let PostgreSQL into {}", folder.display()))
}

fn as_user(name: &str, user: Option<User>) -> anyhow::Result<Command> {
    let program = program(name)
        .context("PostgreSQL is not installed here: `cargo xtask services up` installs it")?;
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").current_dir("/");
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    Ok(command)
}

fn initialise(data: &Path, user: Option<User>) -> anyhow::Result<()> {
    let output = as_user("initdb", user)?
        .args(["--username", ROLE, "--auth", "trust", "--encoding", "UTF8"])
        .args(["--locale", "C.UTF-8", "--no-sync", "--pgdata"])
        .arg(data)
        .output()
        .context("failed to start initdb")?;
    ensure!(
        output.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Lets everybody in who reaches it: only pods of a test's own cluster do.
fn let_in(data: &Path) -> anyhow::Result<()> {
    let file = data.join("pg_hba.conf");
    let line = b"host all all 0.0.0.0/0 trust\n";
    let opened = fs::File::options().append(true).open(&file);
    opened
        .and_then(|mut file| file.write_all(line))
        .with_context(|| format!("failed to write {}", file.display()))
}

fn command_of(
    data: &Path,
    user: Option<User>,
    port: &Port,
    options: &Options,
) -> anyhow::Result<Command> {
    let mut command = as_user("postgres", user)?;
    command.arg("-D").arg(data);
    let (port, address) = (port.number.to_string(), options.address.to_string());
    let ours = [
        ("port", port.as_str()),
        ("listen_addresses", address.as_str()),
        ("unix_socket_directories", ""),
        ("max_connections", "300"),
    ];
    let theirs = options
        .settings
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()));
    for (name, value) in ours.into_iter().chain(theirs) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    Ok(command)
}

/// A file system in memory, as large as told.
#[derive(Debug)]
struct Room(PathBuf);

impl Room {
    fn make(at: &Path, mib: u32) -> anyhow::Result<Self> {
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(at)
            .output()
            .context("failed to start mount")?;
        ensure!(
            output.status.success(),
            "failed to make a file system of {mib} MiB (it takes root): {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
