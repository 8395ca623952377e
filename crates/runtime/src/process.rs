//! The frame of a long-running process: signals, health and metrics from the first moment, a ready file, an orderly end.
//!
//! The admin listener answers before anything else is there, so that a probe can tell a process that waits for its
//! database (alive, not ready) from one that is stuck.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use axum::Router;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    admin,
    backoff::Backoff,
    config::Loader,
    error_chain::chain,
    health::Health,
    http::{ServeLimits, serve},
    metrics::Metrics,
    shutdown::{Shutdown, Tasks, TasksError},
    telemetry::LogArgs,
};

/// Between two tries to open what is away.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));

/// How long the parts may take to finish after a signal, where nothing else is said.
const STOP_WITHIN_SECONDS: u64 = 25;

/// Settings that every process has.
#[derive(Debug, Clone, clap::Args)]
pub struct ProcessArgs {
    /// Address of /livez, /readyz and /metrics; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub admin_listen: SocketAddr,
    /// Write the addresses there as JSON once everything serves
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// How long what is under way may take after a signal; less than what the process is killed after
    #[arg(long, value_name = "SECONDS", default_value_t = STOP_WITHIN_SECONDS)]
    pub stop_within_seconds: u64,
}

/// The whole of a `main`: settings of the flags, the environment `SENDRY_*` and the file; logs; `run`; and the one place
/// where an error is told, with its chain.
pub fn main<P, A, E>(
    split: impl FnOnce(P) -> (LogArgs, A),
    run: impl FnOnce(A) -> Result<(), E>,
) -> ExitCode
where
    P: clap::Parser,
    E: AsRef<dyn std::error::Error + Send + Sync>,
{
    let loaded = match Loader::new("SENDRY").load::<P>(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(error) => return error.report(),
    };
    if let Some(settings) = loaded.to_print() {
        // A closed pipe (`| head`) is no failure.
        let _ = writeln!(io::stdout(), "{settings}");
        return ExitCode::SUCCESS;
    }
    let (log, args) = split(loaded.value);
    let fail = |error: &(dyn std::error::Error + 'static)| {
        eprintln!("{}: {}", P::command().get_name(), chain(error));
        ExitCode::FAILURE
    };
    if let Err(error) = log.init() {
        return fail(&error);
    }
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.as_ref()),
    }
}

/// Why a process did not start, or did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No signal handler.
    #[error("failed to wait for signals")]
    Signals(#[source] io::Error),
    /// An address is taken, or not this machine's.
    #[error(
        "failed to listen on {address} (choose another address with {flag}; port 0 picks a free one)"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting it came from.
        flag: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The ready file.
    #[error("failed to write ready file `{}`", file.display())]
    ReadyFile {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A part failed.
    #[error("not everything stopped in order")]
    Tasks(#[source] TasksError),
}

/// A process while it is put together and while it runs.
#[derive(Debug)]
pub struct Process {
    /// Dropped before the tasks: who gives up on a process leaves it, and that its tasks then end is no news.
    leaving: DropGuard,
    /// What `/livez` and `/readyz` say.
    pub health: Health,
    /// What runs until the end.
    pub tasks: Tasks,
    /// Cancelled when the process has to leave.
    pub stop: CancellationToken,
    addresses: Map<String, Value>,
    ready_file: Option<PathBuf>,
    stop_within: Duration,
}

impl Process {
    /// Begins: signals are heard, and the admin listener answers from now on.
    ///
    /// # Errors
    /// When its address cannot be used.
    pub async fn begin(args: ProcessArgs, metrics: Metrics) -> Result<Self, ProcessError> {
        let ProcessArgs {
            admin_listen,
            ready_file,
            stop_within_seconds,
        } = args;
        let shutdown = Shutdown::on_signals().map_err(ProcessError::Signals)?;
        let mut process = Self {
            leaving: shutdown.token().drop_guard(),
            health: Health::new(),
            tasks: Tasks::new(&shutdown),
            stop: shutdown.token(),
            addresses: Map::new(),
            ready_file,
            stop_within: Duration::from_secs(stop_within_seconds),
        };
        let router = admin::router(process.health.clone(), metrics);
        process
            .listen("admin", "--admin-listen", admin_listen, router)
            .await?;
        let (draining, stop) = (process.health.clone(), process.stop.clone());
        process.tasks.spawn("drain", async move {
            stop.cancelled().await;
            draining.drain();
        });
        Ok(process)
    }

    /// Serves `router` at `address`, which the ready file will call `name`.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub async fn listen(
        &mut self,
        name: &'static str,
        flag: &'static str,
        address: SocketAddr,
        router: Router,
    ) -> Result<SocketAddr, ProcessError> {
        let failed = |source| ProcessError::Listen {
            address,
            flag,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let stop = self.stop.clone();
        self.tasks.spawn_vital(name, async move {
            serve(listener, router, ServeLimits::default(), stop).await;
        });
        self.addresses.insert(name.to_owned(), json!(url(bound)));
        Ok(bound)
    }

    /// Waits until `open` succeeds, trying again for as long as its error `is_away`; meanwhile the process is alive and
    /// not ready, and says why. `None` when it has to leave first.
    ///
    /// # Errors
    /// What waiting does not cure, such as a wrong setting.
    pub async fn wait_for<T, E, F>(
        &self,
        name: &'static str,
        mut open: impl FnMut() -> F,
        is_away: impl Fn(&E) -> bool,
    ) -> Result<Option<T>, E>
    where
        E: std::error::Error + 'static,
        F: Future<Output = Result<T, E>>,
    {
        let component = self.health.component(name);
        let mut attempt = 0;
        loop {
            let opened = tokio::select! {
                opened = open() => opened,
                () = self.stop.cancelled() => return Ok(None),
            };
            let error = match opened {
                Ok(value) => {
                    component.ready();
                    return Ok(Some(value));
                }
                Err(error) if is_away(&error) => chain(&error).to_string(),
                Err(error) => return Err(error),
            };
            tracing::warn!(component = name, %error, "away, will try again");
            component.not_ready(error);
            tokio::select! {
                () = tokio::time::sleep(BACKOFF.delay(attempt, 0.5)) => {}
                () = self.stop.cancelled() => return Ok(None),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// Runs until the end. The ready file is written as soon as everything is ready.
    ///
    /// # Errors
    /// When the ready file cannot be written or a part fails.
    pub async fn run(self) -> Result<(), ProcessError> {
        let Self {
            leaving: _leaving,
            health,
            tasks,
            stop,
            addresses,
            ready_file,
            stop_within,
        } = self;
        let ready = async {
            while !health.readiness().ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = ready => {
                let addresses = json!(addresses).to_string();
                tracing::info!(%addresses, "ready");
                if let Some(file) = ready_file {
                    write_whole(&file, &addresses)?;
                }
            }
            () = stop.cancelled() => {}
        }
        tasks
            .join_all(stop_within)
            .await
            .map_err(ProcessError::Tasks)
    }
}

/// A URL that works on this machine: an unspecified address is reached by loopback.
#[must_use]
pub fn url(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        address.ip()
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Scripts wait for the file, so it appears with its whole content or not at all.
fn write_whole(file: &PathBuf, text: &str) -> Result<(), ProcessError> {
    let new = file.with_extension("new");
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, file))
        .map_err(|source| ProcessError::ReadyFile {
            file: file.clone(),
            source,
        })
}

#[cfg(test)]
mod tests;
