//! Transactions, each in a task of its own.
//!
//! **Guarantee.** Work that was begun runs to its end, whatever becomes of the caller: it is never dropped between two
//! statements, so no connection goes back to the pool inside a transaction (sqlx 0.9's cancelled `begin` would leave it
//! there, and later work would vanish with it). Work that gets no answer in time is given up together with its connection.
//! A caller that leaves while it still waits for its turn leaves nothing behind at all.
//!
//! Work that lost against another transaction (serialization failure, deadlock) is tried again here, a few times; it
//! must therefore change nothing but the database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::BoxFuture;
use sendry_domain::id::TenantId;
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgPoolOptions, Postgres},
};
use tokio::sync::Semaphore;

use super::{
    failure::Failure,
    migrate::{self, OpenError},
    options::PostgresOptions,
    settings,
};

/// What a transaction does.
pub type Work<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// A statement with its parameters.
pub type Query = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// READ COMMITTED, and a commit at the end.
    Write,
    /// The same, and a rollback at the end.
    Rehearse,
    /// One snapshot; nothing is written.
    Read,
}

/// A pool of connections.
#[derive(Debug)]
pub struct Database {
    pool: PgPool,
    /// One a connection: work begins when it has its turn, so that callers who leave do not fill the pool's queue.
    turns: Arc<Semaphore>,
    /// How long to wait for a turn.
    patience: Duration,
    read_timeout: Duration,
    /// How long a transaction that writes may take; then its connection is given up.
    write_limit: Duration,
    /// How long a transaction that reads may take.
    read_limit: Duration,
}

impl Database {
    /// Connects, and refuses a server or schema that will not do.
    pub async fn connect(options: &PostgresOptions) -> Result<Self, OpenError> {
        // One connection by hand, because a pool tries again until its time is up and then says that it is.
        let mut first = migrate::connect(options).await?;
        let prepared = settings::prepare(&mut first, options).await;
        prepared.map_err(|source| match &options.role {
            Some(role) => OpenError::Role {
                role: role.clone(),
                source,
            },
            None => OpenError::Look(source),
        })?;
        settings::check(&mut first).await?;
        migrate::check(&mut first).await?;
        let _ = first.close().await;
        let (driver, session) = (options.driver()?, Arc::new(options.clone()));
        let pool = PgPoolOptions::new()
            .max_connections(options.connections.max(1))
            .acquire_timeout(options.connect_timeout)
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move {
                    settings::prepare(connection, &session).await?;
                    settings::check_again(connection).await
                })
            })
            .connect_lazy_with(driver);
        Ok(Self {
            pool,
            turns: Arc::new(Semaphore::new(options.connections.max(1) as usize)),
            patience: options.connect_timeout,
            read_timeout: options.read_timeout,
            write_limit: options.write_timeout * 2,
            read_limit: options.read_timeout * 2,
        })
    }

    /// Waits for what runs and ends the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs `work` on `data` in a transaction, READ COMMITTED, and commits it if it succeeds. With a `tenant`, row-level
    /// security confines it to that tenant.
    pub async fn transact<D, T, F>(
        &self,
        tenant: Option<&TenantId>,
        data: D,
        work: F,
    ) -> Result<T, Failure>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a mut PgConnection, &'a D) -> Work<'a, T> + Send + Sync + 'static,
    {
        self.run(Mode::Write, tenant, data, work).await
    }

    /// Runs `work` like [`Self::transact`] and rolls it back.
    pub async fn rehearse<D, T, F>(&self, data: D, work: F) -> Result<T, Failure>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a mut PgConnection, &'a D) -> Work<'a, T> + Send + Sync + 'static,
    {
        self.run(Mode::Rehearse, None, data, work).await
    }

    /// Runs `work` in one snapshot (REPEATABLE READ, read only). With a `tenant`, row-level security confines it to that
    /// tenant.
    pub async fn read<D, T, F>(
        &self,
        tenant: Option<&TenantId>,
        data: D,
        work: F,
    ) -> Result<T, Failure>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a mut PgConnection, &'a D) -> Work<'a, T> + Send + Sync + 'static,
    {
        self.run(Mode::Read, tenant, data, work).await
    }

    async fn run<D, T, F>(
        &self,
        mode: Mode,
        tenant: Option<&TenantId>,
        data: D,
        work: F,
    ) -> Result<T, Failure>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a mut PgConnection, &'a D) -> Work<'a, T> + Send + Sync + 'static,
    {
        let attempt = Attempt {
            pool: self.pool.clone(),
            mode,
            tenant: tenant.cloned(),
            statement_timeout: (mode == Mode::Read).then_some(self.read_timeout),
            limit: match mode {
                Mode::Write | Mode::Rehearse => self.write_limit,
                Mode::Read => self.read_limit,
            },
        };
        let waiting = self.turns.clone().acquire_owned();
        let turn = tokio::time::timeout(self.patience, waiting).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
        let task = tokio::spawn(async move {
            let _turn = turn;
            let mut pauses = ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(5))
                .with_max_delay(Duration::from_millis(200))
                .with_max_times(8)
                .with_jitter()
                .build();
            loop {
                let outcome = attempt.run(&data, &work).await;
                match &outcome {
                    Err(failure) if failure.is_collision() => match pauses.next() {
                        Some(pause) => tokio::time::sleep(pause).await,
                        None => return outcome,
                    },
                    _ => return outcome,
                }
            }
        });
        // Dropped, the handle leaves the task to run on.
        let done = task.await;
        done.map_err(|error| Failure::Panicked(error.to_string()))?
    }
}

/// One try at a transaction.
struct Attempt {
    pool: PgPool,
    mode: Mode,
    tenant: Option<TenantId>,
    statement_timeout: Option<Duration>,
    limit: Duration,
}

impl Attempt {
    async fn run<D, T, F>(&self, data: &D, work: &F) -> Result<T, Failure>
    where
        F: for<'a> Fn(&'a mut PgConnection, &'a D) -> Work<'a, T>,
    {
        let mut connection = self.pool.acquire().await?;
        let committing = AtomicBool::new(false);
        let transaction = self.transaction(&mut connection, data, work, &committing);
        let outcome = tokio::time::timeout(self.limit, transaction).await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(Failure::TimedOut {
                committing: committing.load(Ordering::Relaxed),
            })
        });
        if outcome.as_ref().is_err_and(|failure| !failure.is_answer()) {
            // In doubt: nobody may find what is left in it. The server rolls back when its socket is gone.
            drop(connection.detach());
        }
        outcome
    }

    async fn transaction<D, T, F>(
        &self,
        connection: &mut PgConnection,
        data: &D,
        work: &F,
        committing: &AtomicBool,
    ) -> Result<T, Failure>
    where
        F: for<'a> Fn(&'a mut PgConnection, &'a D) -> Work<'a, T>,
    {
        let begin = match self.mode {
            Mode::Write | Mode::Rehearse => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        // Dropped, it rolls back.
        let mut transaction = connection.begin_with(begin).await?;
        self.confine(&mut transaction).await?;
        let done = work(&mut transaction, data).await?;
        match self.mode {
            Mode::Write => {
                committing.store(true, Ordering::Relaxed);
                transaction.commit().await.map_err(Failure::Commit)?;
            }
            Mode::Rehearse | Mode::Read => transaction.rollback().await?,
        }
        Ok(done)
    }

    /// Says for whom and how long, where that differs from the session's.
    async fn confine(
        &self,
        transaction: &mut sqlx::Transaction<'_, Postgres>,
    ) -> Result<(), sqlx::Error> {
        let tenant = self.tenant.as_ref().map(TenantId::as_str);
        let timeout = self.statement_timeout.map(|t| t.as_millis().to_string());
        if tenant.is_none() && timeout.is_none() {
            return Ok(());
        }
        let sql = "SELECT set_config('sendry.tenant', coalesce($1, ''), true),
                          set_config('statement_timeout', coalesce($2, current_setting('statement_timeout')), true)";
        sqlx::query(sql)
            .bind(tenant)
            .bind(timeout)
            .execute(&mut **transaction)
            .await
            .map(drop)
    }
}
