//! Bringing a database to this build's schema.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use super::options::{PostgresOptions, place};

/// The schema's steps, in order: step `n` brings version `n - 1` to `n`. A released step never changes.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_initial", include_str!("migrations/0001_initial.sql")),
    ("0002_control", include_str!("migrations/0002_control.sql")),
    (
        "0003_operator",
        include_str!("migrations/0003_operator.sql"),
    ),
    ("0004_erasure", include_str!("migrations/0004_erasure.sql")),
    (
        "0005_pipelines",
        include_str!("migrations/0005_pipelines.sql"),
    ),
];

/// The key of the lock that one migration holds at a time: "Sendry" in ASCII.
const LOCK: i64 = 0x5365_6e64_7279;

/// How long to wait for another process that migrates.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error(
        "the PostgreSQL address cannot be read; write postgres://user:password@host:port/database"
    )]
    Url(#[source] sqlx::Error),
    /// Nobody answers there, or not to us.
    #[error("failed to connect to PostgreSQL at {place}")]
    Connect {
        /// `user@host:port/database`.
        place: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// A first look at the database failed.
    #[error("failed to look at the database")]
    Look(#[source] sqlx::Error),
    /// The server may lose what it confirmed.
    #[error("PostgreSQL has {name} = {value}: {why}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it is.
        value: String,
        /// Why that is refused, and what to do.
        why: &'static str,
    },
    /// The connections cannot act as the role that was asked for.
    #[error(
        "failed to act as the role {role}: it must exist (`sendry migrate` makes it where it may make roles) and be granted \
         to the login"
    )]
    Role {
        /// The role.
        role: String,
        /// What PostgreSQL said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema is older than this build's.
    #[error(
        "the database has schema {found}, and this build needs schema {known}: run `sendry migrate`"
    )]
    Older {
        /// The database's schema; 0 = none.
        found: usize,
        /// This build's.
        known: usize,
    },
    /// A later build has been here.
    #[error(
        "the database has schema {found}, and this build knows schemas up to {known}: it was migrated by a newer Sendry; \
         run that one, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The database's schema.
        found: usize,
        /// This build's.
        known: usize,
    },
    /// A step failed and was rolled back: the database is as it was before that step.
    #[error("failed to bring the database to schema {version} ({name})")]
    Migrate {
        /// The step.
        version: usize,
        /// Its name.
        name: &'static str,
        /// What PostgreSQL said.
        #[source]
        source: sqlx::Error,
    },
}

impl OpenError {
    /// Whether waiting may cure it: the server is away, or nobody has migrated the database yet.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Connect { source, .. } | Self::Look(source) => match source {
                // A wrong password or database name stays wrong; a server that is starting up or full does not.
                sqlx::Error::Database(error) => !error
                    .code()
                    .is_some_and(|code| code.starts_with("28") || code == "3D000"),
                sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => false,
                _ => true,
            },
            Self::Older { .. } => true,
            Self::Url(_)
            | Self::Role { .. }
            | Self::Setting { .. }
            | Self::Newer { .. }
            | Self::Migrate { .. } => false,
        }
    }
}

/// Runs the steps that the database lacks.
pub async fn migrate(options: &PostgresOptions) -> Result<(), OpenError> {
    let mut connection = connect(options).await?;
    lock(&mut connection).await.map_err(OpenError::Look)?;
    let found = found(&mut connection).await?;
    for (version, (name, step)) in (1..).zip(MIGRATIONS).skip(found) {
        let applied = apply(&mut connection, version, name, step).await;
        applied.map_err(|source| OpenError::Migrate {
            version,
            name,
            source,
        })?;
        tracing::info!(
            schema.version = version,
            step = name,
            "migrated the database"
        );
    }
    // Gives the lock back with the session.
    let _ = connection.close().await;
    Ok(())
}

/// One connection, as the login's own role.
pub async fn connect(options: &PostgresOptions) -> Result<PgConnection, OpenError> {
    let driver = options.driver()?;
    let connecting = PgConnection::connect_with(&driver);
    let connected = tokio::time::timeout(options.connect_timeout, connecting).await;
    let connected = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    connected.map_err(|source| OpenError::Connect {
        place: place(options),
        source,
    })
}

/// Refuses a database of another schema than this build's.
pub async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    let (found, known) = (found(connection).await?, MIGRATIONS.len());
    if found < known {
        return Err(OpenError::Older { found, known });
    }
    Ok(())
}

/// Waits until no other process migrates this database.
async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "SELECT set_config('statement_timeout', '0', false),
                      set_config('lock_timeout', $1, false),
                      set_config('search_path', 'sendry', false)";
    sqlx::query(sql)
        .bind(PATIENCE.as_millis().to_string())
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(connection)
        .await
        .map(drop)
}

/// The database's schema; 0 if it has none.
async fn found(connection: &mut PgConnection) -> Result<usize, OpenError> {
    let sql = "SELECT to_regclass('sendry.schema_step') IS NOT NULL";
    let ours: bool = sqlx::query_scalar(sql)
        .fetch_one(&mut *connection)
        .await
        .map_err(OpenError::Look)?;
    if !ours {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM sendry.schema_step";
    let found: i32 = sqlx::query_scalar(sql)
        .fetch_one(connection)
        .await
        .map_err(OpenError::Look)?;
    let (found, known) = (found.max(0).unsigned_abs() as usize, MIGRATIONS.len());
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    Ok(found)
}

/// All steps in one text: a name for what they make.
#[cfg(test)]
pub fn text() -> String {
    MIGRATIONS.iter().map(|(_, step)| *step).collect()
}

async fn apply(
    connection: &mut PgConnection,
    version: usize,
    name: &'static str,
    step: &'static str,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(step).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO sendry.schema_step (version, name) VALUES ($1, $2)")
        .bind(version as i32)
        .bind(name)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
