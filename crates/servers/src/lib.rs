//! Test-only: the real servers that adapters and faults are tested against.
//!
//! `cargo xtask services up` installs, starts and names the shared four; a test asks [`url`] where they are. A test
//! that stops, kills or fills a server starts one of its own: [`rabbitmq::RabbitMq`], [`postgres::Postgres`],
//! [`mongo::Mongo`] and [`kube::Kube`] run on free ports, in a folder of the test's, beside any number of others, and
//! end with the test, however it ends.
//!
//! | module | question |
//! |---|---|
//! | [`install`] | how does a server come onto this machine? |
//! | [`node`], [`image`] | where do pods run, and what of? |
//! | [`rabbitmq`], [`postgres`], [`mongo`], [`kube`] | how is one started, killed, paused and started again? |
//! | [`shared`] | which four does everybody use, and who stops them? |
//! | [`process`], [`port`], [`probe`], [`machine`] | what do these rest on? |

use std::path::PathBuf;

pub mod image;
pub mod install;
pub mod kube;
pub mod machine;
pub mod mongo;
pub mod node;
pub mod port;
pub mod postgres;
pub mod probe;
pub mod process;
pub mod rabbitmq;
pub mod shared;

/// Told what happens, a line at a time.
pub type Tell<'a> = &'a (dyn Fn(&str) + Sync);

/// A server that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// RabbitMQ, AMQP 0-9-1.
    Amqp,
    /// RabbitMQ's management API, with credentials of an administrator.
    RabbitManagement,
    /// PostgreSQL, as a role that may create databases and roles.
    Postgres,
    /// A server that speaks MongoDB's wire protocol.
    Mongodb,
    /// A Kubernetes API server, as an administrator: its address is the path of a kubeconfig.
    Kubernetes,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Amqp,
        Self::RabbitManagement,
        Self::Postgres,
        Self::Mongodb,
        Self::Kubernetes,
    ];

    /// The environment variable that gives its address; it wins over a server that `services up` started.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Amqp => "SENDRY_TEST_AMQP_URL",
            Self::RabbitManagement => "SENDRY_TEST_RABBITMQ_MANAGEMENT_URL",
            Self::Postgres => "SENDRY_TEST_POSTGRES_URL",
            Self::Mongodb => "SENDRY_TEST_MONGODB_URL",
            Self::Kubernetes => "SENDRY_TEST_KUBECONFIG",
        }
    }

    /// The address that the environment gives. `KUBECONFIG` does so only for a cluster of kind, k3d or minikube.
    #[must_use]
    pub fn named(self) -> Option<String> {
        let named = machine::environment(self.variable());
        match self {
            Self::Kubernetes => {
                named.or_else(|| kube::throw_away(machine::environment("KUBECONFIG")?))
            }
            Self::Amqp | Self::RabbitManagement | Self::Postgres | Self::Mongodb => named,
        }
    }
}

/// Where a server is.
///
/// # Panics
/// When none was named or started: a test that needs one fails with the sentence that says what to do.
#[must_use]
#[expect(
    clippy::panic,
    reason = "called by tests only, whose way to fail it is"
)]
pub fn url(server: Server) -> String {
    let variable = server.variable();
    let started = || {
        let text = std::fs::read_to_string(running_file()).ok()?;
        shared::address_in(&text, server)
    };
    server.named().or_else(started).unwrap_or_else(|| {
        panic!("{server:?} is needed: run `cargo xtask services up` once, or set {variable}")
    })
}

/// Where everything that is installed, started and remembered lies.
#[must_use]
pub fn folder() -> PathBuf {
    let cache = machine::environment("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(machine::environment("HOME").unwrap_or_else(|| "/tmp".to_owned()));
    cache
        .unwrap_or_else(|| home().join(".cache"))
        .join("sendry/servers")
}

/// `VARIABLE=URL` lines of the servers that run.
#[must_use]
pub fn running_file() -> PathBuf {
    folder().join("running.env")
}
