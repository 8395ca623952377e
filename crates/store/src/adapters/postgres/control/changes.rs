//! Hearing of changes.
//!
//! One connection beside the pool listens, from the first time that somebody waits. While it is away, and where a proxy
//! before the server does not let it listen, who waits does so for all of its patience: a notification only ever saves
//! time.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::{sync::Notify, task::AbortHandle, time::timeout};

use super::super::options::PostgresOptions;

/// The channel; the server keeps those of databases apart.
const CHANNEL: &str = "sendry_control";
/// After so long without a word the connection is tried: a network that swallows everything says nothing either.
const TRY_AFTER: Duration = Duration::from_secs(20);
/// How long it may take to answer then.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Who waits for changes, and the task that wakes them.
#[derive(Debug)]
pub struct Changes {
    options: PostgresOptions,
    heard: Arc<Notify>,
    listener: OnceLock<AbortHandle>,
}

impl Changes {
    /// Of the database at `options`; connects to nothing yet.
    pub fn new(options: PostgresOptions) -> Self {
        Self {
            options,
            heard: Arc::new(Notify::new()),
            listener: OnceLock::new(),
        }
    }

    /// Waits for a change, at most for `patience`.
    pub async fn wait(&self, patience: Duration) {
        let change = self.heard.notified();
        self.listener.get_or_init(|| {
            let listening = listen(self.options.clone(), self.heard.clone());
            tokio::spawn(listening).abort_handle()
        });
        let _ = timeout(patience, change).await;
    }

    /// Listens no more.
    pub fn stop(&self) {
        if let Some(listener) = self.listener.get() {
            listener.abort();
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Listens until the task is ended.
async fn listen(options: PostgresOptions, heard: Arc<Notify>) {
    loop {
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .with_jitter()
            .build();
        let mut listener = loop {
            match connect(&options).await {
                Ok(listener) => break listener,
                Err(error) => {
                    tracing::warn!(error = %error, "failed to listen for changes of the settings");
                    let pause = pauses.next().unwrap_or(ANSWER_WITHIN);
                    tokio::time::sleep(pause).await;
                }
            }
        };
        // Also what changed while nobody listened.
        heard.notify_waiters();
        let error = follow(&mut listener, &heard).await;
        tracing::info!(error = %error, "stopped hearing of changes of the settings, listening again");
    }
}

/// A connection that listens. Of a pool of its own, which is the driver's way to make one.
async fn connect(
    options: &PostgresOptions,
) -> Result<PgListener, Box<dyn std::error::Error + Send + Sync>> {
    let driver = options.driver()?;
    let name = format!("{} listener", options.application_name);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.connect_timeout)
        .connect_lazy_with(driver.application_name(&name));
    let connecting = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        // A lost connection is for this module to see.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    Ok(timeout(options.connect_timeout, connecting).await??)
}

/// Wakes who waits at every notification, until the connection is lost.
async fn follow(
    listener: &mut PgListener,
    heard: &Notify,
) -> Box<dyn std::error::Error + Send + Sync> {
    loop {
        match timeout(TRY_AFTER, listener.try_recv()).await {
            Ok(Ok(Some(_))) => heard.notify_waiters(),
            Ok(Ok(None)) => return "the connection was closed".into(),
            Ok(Err(error)) => return error.into(),
            Err(_) => {
                let answer = sqlx::query("SELECT 1").execute(&mut *listener);
                match timeout(ANSWER_WITHIN, answer).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error.into(),
                    Err(late) => return late.into(),
                }
            }
        }
    }
}
