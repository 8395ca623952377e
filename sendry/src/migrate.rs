//! `sendry migrate`: the schemas of PostgreSQL and MongoDB, brought up to this build. Safe to repeat, and to run several
//! times at once.
//!
//! A store that is away is waited for, since a platform that is installed at once comes up in any order. What waiting does
//! not cure, a wrong password for example, ends it at once. Each step of a schema is kept by itself: what was done stays.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use sendry_runtime::{
    backoff::Backoff, config::SecretString, error_chain::chain, shutdown::Shutdown,
};
use sendry_store::adapters::{
    mongodb::{MongoOptions, MongoStore},
    postgres::{OpenError, PostgresOptions, PostgresStore},
};

use crate::settings_store::block_on;

/// Between two tries.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));

/// `sendry migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// PostgreSQL, such as postgres://user:password@host/database; the user owns the schema
    #[arg(long, value_name = "URL")]
    postgres_url: SecretString,
    /// MongoDB, such as mongodb://host:27017/sendry; its indexes are made
    #[arg(long, value_name = "URL")]
    mongodb_url: Option<SecretString>,
    /// How long to wait for stores that are away; a wrong address or password fails at once. 0 tries once
    #[arg(long, value_name = "SECONDS", default_value_t = 240)]
    wait: u64,
}

/// Runs the command.
pub fn run(args: MigrateArgs) -> anyhow::Result<()> {
    block_on(async {
        let shutdown = Shutdown::on_signals().context("failed to wait for signals")?;
        tokio::select! {
            done = migrate(&args) => done,
            () = shutdown.token().cancelled_owned() => {
                bail!("stopped by a signal; steps that were done stay done: run it again")
            }
        }
    })
}

async fn migrate(args: &MigrateArgs) -> anyhow::Result<()> {
    let waiting = Waiting {
        until: Instant::now() + Duration::from_secs(args.wait),
        seconds: args.wait,
    };
    let options = PostgresOptions::new(args.postgres_url.expose());
    let postgres = || PostgresStore::migrate(&options);
    let migrated = waiting.patiently("PostgreSQL", postgres, OpenError::is_away);
    migrated.await.context("failed to migrate PostgreSQL")?;
    writeln!(std::io::stdout(), "PostgreSQL is up to date")?;
    if let Some(url) = &args.mongodb_url {
        let store = MongoStore::connect(MongoOptions::new(url.expose())).await?;
        let is_away = |error: &_| !MongoStore::is_setting(error);
        let prepared = waiting.patiently("MongoDB", || store.prepare(), is_away);
        prepared.await.context("failed to prepare MongoDB")?;
        writeln!(std::io::stdout(), "MongoDB is up to date")?;
    }
    Ok(())
}

/// For how long.
struct Waiting {
    until: Instant,
    seconds: u64,
}

impl Waiting {
    /// Tries until it succeeds, as long as its error `is_away` and there is time.
    async fn patiently<T, E, F>(
        &self,
        what: &'static str,
        mut work: impl FnMut() -> F,
        is_away: impl Fn(&E) -> bool,
    ) -> anyhow::Result<T>
    where
        E: std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<T, E>>,
    {
        let mut attempt = 0;
        loop {
            let error = match work().await {
                Ok(done) => return Ok(done),
                Err(error) if is_away(&error) => error,
                Err(error) => return Err(error.into()),
            };
            let pause = BACKOFF.delay(attempt, 0.5);
            if Instant::now() + pause >= self.until {
                let waited = format!("{what} was away for --wait {} s", self.seconds);
                return Err(anyhow::Error::from(error).context(waited));
            }
            tracing::warn!(component = what, error = %chain(&error), "away, will try again");
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }
}
