//! Counts in PostgreSQL 15 or later, for any number of processes.
//!
//! **Guarantee.** What [`MetricStore::count`](crate::MetricStore::count) confirmed survives the death of any process and
//! of the server's machine: one transaction a call, and a server that would confirm without having written
//! ([`settings`]) is refused. Everything that is done runs in a task of its own and to its end ([`database`]), so a caller
//! that leaves cannot leave a transaction open behind it.
//!
//! Everything stands in the schema `sendry` of the database. Each table with rows of tenants has row-level security as a
//! second wall behind the filters of the statements themselves; which roles see what stands in the first migration.

mod column;
mod control;
mod database;
mod failure;
mod metrics;
mod migrate;
mod names;
mod options;
mod settings;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use control::Changes;
use database::Database;
use names::{Dictionary, Names};

pub use migrate::OpenError;
pub use options::PostgresOptions;

/// A store in one database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    database: Arc<Database>,
    /// Hears of changes of the settings, also of other processes.
    changes: Arc<Changes>,
    /// Numbers by name, for those who count.
    names: Arc<Names>,
    /// Names by number, for those who read.
    dictionary: Arc<Dictionary>,
    /// One derivation at a time in a process: a second one would only do the same work.
    deriving: Arc<tokio::sync::Mutex<()>>,
}

impl PostgresStore {
    /// Connects to a database that [`Self::migrate`] has prepared.
    ///
    /// # Errors
    /// When the server cannot be reached, would lose what it confirmed, or has another schema than this build knows.
    pub async fn connect(options: PostgresOptions) -> Result<Self, OpenError> {
        if options.migrate_on_start {
            Self::migrate(&options).await?;
        }
        let database = Database::connect(&options).await?;
        Ok(Self {
            database: Arc::new(database),
            changes: Arc::new(Changes::new(options)),
            names: Arc::default(),
            dictionary: Arc::default(),
            deriving: Arc::default(),
        })
    }

    /// Brings the database's schema up to this build's. Any number of processes may do so at once.
    ///
    /// # Errors
    /// When the server cannot be reached, a step fails (it is rolled back), or the schema is newer than this build.
    pub async fn migrate(options: &PostgresOptions) -> Result<(), OpenError> {
        migrate::migrate(options).await
    }

    /// Ends the connections once what runs on them has ended.
    pub async fn close(&self) {
        self.changes.stop();
        self.database.close().await;
    }
}
