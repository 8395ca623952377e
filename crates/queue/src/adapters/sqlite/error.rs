//! What can go wrong with the file, and which of it touches one item or all of them.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::QueueError;

/// Why a queue file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle in this one, has it.
    #[error("queue file `{}` is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Made by a later build, whose form this one does not know.
    #[error("queue file `{}` has form {found}, this build knows up to {known}: start the newer build, or drain the queue with it first", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i64,
        /// The latest form this build knows.
        known: i64,
    },
    /// SQLite would not do it.
    #[error("failed to {doing} queue file `{}`", path.display())]
    Sqlite {
        /// The step.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The lock file or a thread could not be made.
    #[error("failed to {doing} for queue file `{}`", path.display())]
    Io {
        /// The step.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why the writer did not do what it was asked to. Cheap to hand to every waiter of one transaction.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Fault {
    text: String,
    /// The disk or the file's limit is full; everything else still works.
    pub full: bool,
}

impl Fault {
    pub fn of(error: &rusqlite::Error) -> Self {
        Self {
            text: error.to_string(),
            full: error.sqlite_error_code() == Some(ErrorCode::DiskFull),
        }
    }

    pub fn gone() -> Self {
        Self {
            text: "the queue's writer has ended".to_owned(),
            full: false,
        }
    }
}

/// Whether `error` came from this one row and leaves the transaction usable.
pub(super) fn is_of_one_item(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
    )
}

/// A [`QueueError`] about `queue`.
pub(super) fn queue_error(
    doing: &'static str,
    queue: impl ToString,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> QueueError {
    QueueError {
        doing,
        queue: queue.to_string(),
        source: source.into(),
    }
}
