//! Servers come onto a bare Debian machine: packages by apt, the rest built and unpacked into our own folder.
//!
//! What is there already is left as it is. Every step is told with its time, and a step that fails says which server it
//! was for, why, and which variables name servers of one's own instead.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::Instant,
};

use anyhow::{Context, anyhow, bail, ensure};

use crate::{Server, Tell, folder, machine, mongo, postgres, process, rabbitmq};

mod apt;
pub mod ferretdb;
mod go;
pub mod kubernetes;
pub mod sid;

use kubernetes::Program;

/// A server that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// RabbitMQ, with its management.
    RabbitMq,
    /// PostgreSQL 15.
    Postgres,
    /// `mongod`, or FerretDB with DocumentDB.
    Mongodb,
    /// The control plane of Kubernetes: API server, etcd, controller manager.
    Kubernetes,
    /// What a node of Kubernetes needs besides, so that pods run.
    Node,
}

impl Part {
    /// Those of the servers that everybody shares.
    pub const ALL: [Self; 4] = [
        Self::RabbitMq,
        Self::Postgres,
        Self::Mongodb,
        Self::Kubernetes,
    ];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "RabbitMQ",
            Self::Postgres => "PostgreSQL",
            Self::Mongodb => "the MongoDB server",
            Self::Kubernetes => "Kubernetes",
            Self::Node => "a node for Kubernetes",
        }
    }

    /// What it serves.
    #[must_use]
    pub fn servers(self) -> &'static [Server] {
        match self {
            Self::RabbitMq => &[Server::Amqp, Server::RabbitManagement],
            Self::Postgres => &[Server::Postgres],
            Self::Mongodb => &[Server::Mongodb],
            Self::Kubernetes => &[Server::Kubernetes],
            Self::Node => &[],
        }
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_installed(self) -> bool {
        match self {
            Self::RabbitMq => rabbitmq::is_installed(),
            Self::Postgres => postgres::is_installed(),
            Self::Mongodb => mongo::is_installed(),
            Self::Kubernetes => kubernetes::is_installed(),
            Self::Node => kubernetes::is_node_installed(),
        }
    }

    /// Whether something of it comes as a package.
    fn needs_packages(self) -> bool {
        match self {
            Self::RabbitMq | Self::Postgres | Self::Mongodb => true,
            Self::Kubernetes => !kubernetes::packages().is_empty(),
            Self::Node => !kubernetes::node_packages().is_empty(),
        }
    }

    /// What to do where it cannot be had, as half a sentence.
    #[must_use]
    pub fn otherwise(self) -> String {
        if self == Self::Node {
            return "tests with pods run as root on Debian, with Go".to_owned();
        }
        let variables: Vec<&str> = self.servers().iter().map(|s| s.variable()).collect();
        format!(
            "to test with one of your own, set {}",
            variables.join(" and ")
        )
    }
}

/// Installs what is not there.
///
/// # Errors
/// With one sentence that names the server and what to do.
pub fn install(parts: &[Part], tell: Tell<'_>) -> anyhow::Result<()> {
    let missing = || -> Vec<Part> {
        let missing = parts.iter().filter(|part| !part.is_installed());
        missing.copied().collect()
    };
    if missing().is_empty() {
        return Ok(());
    }
    let _alone = alone(tell)?;
    let missing = missing();
    if let Some(part) = missing.iter().find(|part| part.needs_packages())
        && !(machine::is_root() && machine::is_debian())
    {
        bail!(
            "{} is not on this machine, and it is installed only as root on Debian: {}",
            part.name(),
            part.otherwise()
        );
    }
    let failed = |part: Part| {
        move |error: anyhow::Error| {
            error.context(format!(
                "{} could not be installed ({})",
                part.name(),
                part.otherwise()
            ))
        }
    };
    // What loads packages goes on beside what compiles, and that one after the other: each takes all cores.
    std::thread::scope(|scope| {
        let built = scope.spawn(|| {
            missing.iter().try_for_each(|part| {
                match part {
                    Part::Mongodb => ferretdb::build(tell),
                    Part::Kubernetes => kubernetes::build(&Program::CONTROL_PLANE, tell),
                    Part::Node => kubernetes::build(&Program::NODE, tell),
                    Part::RabbitMq | Part::Postgres => Ok(()),
                }
                .map_err(failed(*part))
            })
        });
        let mut loaded = Ok(());
        for part in missing.iter().copied() {
            if loaded.is_ok() {
                loaded = match part {
                    Part::RabbitMq => apt::install(&["rabbitmq-server"], tell),
                    Part::Postgres => apt::install(&["postgresql-15"], tell),
                    Part::Mongodb => sid::install(tell),
                    Part::Kubernetes => apt::install(&kubernetes::packages(), tell),
                    Part::Node => apt::install(&kubernetes::node_packages(), tell),
                }
                .map_err(failed(part));
            }
        }
        let built = built
            .join()
            .unwrap_or_else(|_| bail!("the build broke off"));
        match (loaded, built) {
            (Err(one), Err(other)) => Err(anyhow!("{one:#}\nand {other:#}")),
            (one, other) => one.and(other),
        }
    })?;
    for part in missing {
        ensure!(
            part.is_installed(),
            "{} was installed and yet is not there ({})",
            part.name(),
            part.otherwise()
        );
    }
    Ok(())
}

/// One at a time on this machine.
fn alone(tell: Tell<'_>) -> anyhow::Result<File> {
    let folder = folder();
    fs::create_dir_all(folder.join("log"))
        .with_context(|| format!("failed to make {}", folder.display()))?;
    let path = folder.join("install.lock");
    let lock =
        File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;
    if lock.try_lock().is_err() {
        tell("servers: waiting for another run that installs them");
        lock.lock().context("failed to wait for another run")?;
    }
    Ok(lock)
}

/// Runs a step to its end, with its output in a log of ours.
fn step(name: &str, log: &str, command: &mut Command, tell: Tell<'_>) -> anyhow::Result<()> {
    let log = folder().join("log").join(log);
    tell(&format!("servers: {name} …"));
    let began = Instant::now();
    run(command, &log).with_context(|| format!("failed to {name}"))?;
    tell(&format!(
        "servers: {name}: done in {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn run(command: &mut Command, log: &Path) -> anyhow::Result<()> {
    let out = File::create(log).with_context(|| format!("failed to write {}", log.display()))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(std::process::Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow!("`{program}` was not found: install it"),
            _ => anyhow!("failed to start `{program}`: {error}"),
        })?;
    ensure!(
        status.success(),
        "`{program}` failed ({status}); the end of {}:\n{}",
        log.display(),
        process::tail(log)
    );
    Ok(())
}
