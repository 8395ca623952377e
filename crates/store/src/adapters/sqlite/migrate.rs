//! Opening a file of any age.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

/// The schema's steps, in order: file `n` brings `user_version` from `n - 1` to `n`. A released step never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_process.sql"),
    include_str!("migrations/0003_operator.sql"),
    include_str!("migrations/0004_erasure.sql"),
    include_str!("migrations/0005_pipelines.sql"),
];

/// `application_id` of our files: "Sdry".
const APPLICATION: i32 = 0x5364_7279;

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened or made.
    #[error("failed to open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// Some other program's database.
    #[error("{} is a SQLite database, but not one of Sendry's", .0.display())]
    Foreign(PathBuf),
    /// A later build has been here; its schema is unknown to this one.
    #[error(
        "{} has schema {found}, and this build knows schemas up to {known}: it was written by a newer Sendry; run that one, \
         or restore a copy made before the upgrade",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// This build's.
        known: usize,
    },
    /// A step failed and was rolled back: the file is as it was before that step.
    #[error("failed to bring {} to schema {version}", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// The step.
        version: usize,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The writer's thread could not be started.
    #[error("failed to start the writer thread")]
    Thread(#[source] std::io::Error),
}

/// Brings the file from the schema that [`check`] found to this build's.
pub fn migrate(path: &Path, connection: &mut Connection, found: usize) -> Result<(), OpenError> {
    for (version, step) in (1..).zip(MIGRATIONS).skip(found) {
        apply(connection, version, step).map_err(|source| OpenError::Migrate {
            path: path.to_owned(),
            version,
            source,
        })?;
        tracing::info!(path = %path.display(), schema.version = version, "migrated the store");
    }
    Ok(())
}

/// The file's schema version, if the file is ours and not newer than this build.
pub fn check(path: &Path, connection: &Connection) -> Result<usize, OpenError> {
    let read = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let opening = |source| OpenError::Open {
        path: path.to_owned(),
        source,
    };
    let found = read("PRAGMA user_version").map_err(opening)?;
    let application = read("PRAGMA application_id").map_err(opening)?;
    let tables = read("SELECT count(*) FROM sqlite_schema").map_err(opening)?;
    let empty = found == 0 && application == 0 && tables == 0;
    if !empty && application != i64::from(APPLICATION) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let found = usize::try_from(found).map_err(|_| OpenError::Foreign(path.to_owned()))?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: MIGRATIONS.len(),
        });
    }
    Ok(found)
}

fn apply(connection: &mut Connection, version: usize, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", version as i64)?;
    transaction.commit()
}
