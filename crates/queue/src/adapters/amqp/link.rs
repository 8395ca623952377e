//! A connection that is kept: lost, it is made anew, for ever.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt, OwnedTLSConfig},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    error::{Fault, queue_error, within},
    options::AmqpOptions,
};
use crate::QueueError;

/// Between two looks at a connection whose end may not have been told.
const LOOK: Duration = Duration::from_millis(500);
/// A connection that lasted so long was a good one: the next starts without a pause.
const LASTED: Duration = Duration::from_secs(10);

/// Pauses between tries: jittered, at most about 5 s, without an end.
pub(super) struct Pauses {
    steps: ExponentialBackoff,
}

impl Pauses {
    pub fn new() -> Self {
        let steps = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_millis(2_500))
            .with_jitter()
            .without_max_times();
        Self {
            steps: steps.build(),
        }
    }

    /// The pause after a connection that began at `began`.
    pub fn next(&mut self, began: Instant) -> Duration {
        if began.elapsed() > LASTED {
            *self = Self::new();
        }
        self.steps.next().unwrap_or(LASTED)
    }
}

/// Opens a connection, within the time-out.
pub(super) async fn connect(options: &AmqpOptions, role: &str) -> Result<Connection, Fault> {
    let limit = options.answer_timeout;
    let tls = OwnedTLSConfig {
        cert_chain: options.certificate_authority.clone(),
        ..OwnedTLSConfig::default()
    };
    let name = format!("{} {role}", options.name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connecting = async {
        let runtime = lapin::runtime::default_runtime()?;
        Connection::connector(
            options.uri.clone(),
            runtime,
            async move |uri, runtime| {
                // The library's thread would wait as long as the system does, minutes.
                let stream = uri.connect_with_config_async(tls.as_ref(), &runtime);
                match timeout(limit, stream).await {
                    Ok(stream) => Ok(stream?),
                    Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
                }
            },
            properties,
        )
        .await
    };
    let failed = |error: &dyn std::fmt::Display| {
        Fault(format!("no connection to {}: {error}", options.address()))
    };
    match timeout(limit, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&format_args!("no answer within {limit:?}"))),
    }
}

/// What there is to use.
#[derive(Clone)]
enum Line {
    /// A try is under way whose outcome is worth waiting for: the first, or one to replace a connection that works.
    Trying,
    Up(Arc<Connection>),
    Down(Fault),
}

/// The connection for everything but publishing.
pub(super) struct Link {
    options: Arc<AmqpOptions>,
    line: Arc<watch::Sender<Line>>,
    /// The connection is to be replaced.
    worn: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Link {
    /// Starts to connect.
    pub fn start(options: Arc<AmqpOptions>) -> Self {
        let line = Arc::new(watch::Sender::new(Line::Trying));
        let worn = Arc::new(Notify::new());
        let task = keep(Arc::clone(&options), Arc::clone(&line), Arc::clone(&worn));
        Self {
            options,
            line,
            worn,
            task: tokio::spawn(task),
        }
    }

    /// A channel of its own, for the broker closes it over any mistake.
    ///
    /// The library never uses a number again, without saying so, once the broker has closed the channel that had it: the
    /// next channel of that number fails with the error of the last. So when a connection that works gives no channel, it
    /// is replaced. Channels that are open on it go on, and it ends with the last of them.
    pub async fn channel(
        &self,
        doing: &'static str,
        queue: impl ToString,
    ) -> Result<Channel, QueueError> {
        let limit = self.options.answer_timeout;
        let failed = |fault: Fault| queue_error(doing, queue.to_string(), fault);
        let connection = self.connection().await.map_err(failed)?;
        let opened = within(limit, doing, queue.to_string(), connection.create_channel()).await;
        if opened.is_ok() || !connection.status().connected() {
            return opened;
        }
        let replaced = self.line.send_if_modified(|line| {
            let same = matches!(line, Line::Up(up) if Arc::ptr_eq(up, &connection));
            if same {
                *line = Line::Trying;
            }
            same
        });
        if replaced {
            self.worn.notify_one();
        }
        let fresh = self.connection().await.map_err(failed)?;
        within(limit, doing, queue.to_string(), fresh.create_channel()).await
    }

    /// The connection, or why there is none. Waits only where that is worth it.
    pub async fn connection(&self) -> Result<Arc<Connection>, Fault> {
        let mut line = self.line.subscribe();
        let tried = line.wait_for(|line| !matches!(line, Line::Trying));
        match timeout(self.options.answer_timeout, tried).await {
            Ok(Ok(line)) => match &*line {
                Line::Up(connection) => Ok(Arc::clone(connection)),
                Line::Down(fault) => Err(fault.clone()),
                Line::Trying => Err(Fault("not connected yet".to_owned())),
            },
            _ => Err(Fault("not connected yet".to_owned())),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, and again whenever the connection is lost or worn.
async fn keep(options: Arc<AmqpOptions>, line: Arc<watch::Sender<Line>>, worn: Arc<Notify>) {
    let mut pauses = Pauses::new();
    loop {
        let began = Instant::now();
        let fault = match connect(&options, "consuming").await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                line.send_replace(Line::Up(Arc::clone(&connection)));
                tracing::info!(broker = %options.address(), "connected for consuming");
                tokio::select! {
                    () = lasts(&connection) => {}
                    () = worn.notified() => continue,
                }
                Fault(format!("connection to {} lost", options.address()))
            }
            Err(fault) => fault,
        };
        tracing::warn!(reason = %fault, "not connected for consuming, will try again");
        line.send_replace(Line::Down(fault));
        sleep(pauses.next(began)).await;
    }
}

/// Returns when the connection is lost.
async fn lasts(connection: &Connection) {
    let mut events = Box::pin(connection.events_listener());
    // An event may be of a channel, whose owner learns of it; it is only a reason to look.
    while connection.status().connected() {
        if let Ok(None) = timeout(LOOK, events.next()).await {
            return;
        }
    }
}
