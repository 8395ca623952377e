//! Who stops whom, and how long it may take.
//!
//! The composition root makes one [`Shutdown`] and hands its token down. SIGTERM or SIGINT begins
//! it; so does the end of any vital task. Tasks see the token, stop taking new work, finish what
//! they have and return. A second signal leaves at once.

mod tasks;

use std::io;

use tokio_util::sync::CancellationToken;

pub(crate) use tasks::panic_message;
pub use tasks::{FailureKind, TaskFailure, TaskOutput, Tasks, TasksError};

/// Exit code after a second signal: 128 + SIGINT, what a shell reports for an interrupted program.
const INTERRUPTED: i32 = 130;

/// The one switch that stops a process. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A switch that only [`begin`](Self::begin) pulls: for tests and for parts of a process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A switch pulled by SIGTERM or SIGINT; a second signal ends the process at once. Needs a
    /// running tokio runtime.
    ///
    /// # Errors
    /// The operating system refused a signal handler.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let mut signals = Signals::new()?;
        let token = shutdown.token.clone();
        tokio::spawn(async move {
            let name = signals.next().await;
            tracing::info!(signal = name, "stopping; a second signal leaves at once");
            token.cancel();
            let name = signals.next().await;
            eprintln!("second signal ({name}): leaving without finishing");
            std::process::exit(INTERRUPTED);
        });
        Ok(shutdown)
    }

    /// The token to hand to whatever must stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Begins the shutdown. Doing so twice is harmless.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Waits until the shutdown begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

#[cfg(test)]
mod tests;
