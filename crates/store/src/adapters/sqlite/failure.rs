//! What SQLite reports, as what the caller has to do.

use rusqlite::{Error, ErrorCode};
use sendry_domain::histogram::CorruptHistogram;

use super::super::rows::Unreadable;
use crate::StoreError;

/// A failed operation, before it is known whose.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A statement failed; its transaction was rolled back.
    #[error(transparent)]
    Sqlite(#[from] Error),
    /// COMMIT failed.
    #[error("failed to commit")]
    Commit(#[source] Error),
    /// A stored histogram is none.
    #[error(transparent)]
    Histogram(#[from] CorruptHistogram),
    /// A stored bucket that no build writes.
    #[error(transparent)]
    Bucket(#[from] Unreadable),
    /// A stored value that no build writes.
    #[error("{0}")]
    Damaged(String),
    /// The store is closing, or its writer ended.
    #[error("the writer thread is gone")]
    Gone,
    /// A bug of ours; the transaction was rolled back.
    #[error("the store's own task panicked: {0}")]
    Panicked(String),
}

impl Failure {
    /// A stored value that no build writes.
    pub fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Damaged(what.to_string())
    }

    /// The error for callers: `store` is the port, `doing` the operation.
    pub fn at(self, store: &'static str, doing: &'static str) -> StoreError {
        match self.kind() {
            Kind::Unavailable => StoreError::Unavailable {
                store,
                doing,
                unknown: matches!(self, Self::Commit(_)),
                source: Box::new(self),
            },
            Kind::Refused => StoreError::Refused {
                store,
                doing,
                source: Box::new(self),
            },
            Kind::Damaged => StoreError::Damaged {
                store,
                doing,
                source: Box::new(self),
            },
        }
    }

    /// Whether the same data would be refused again.
    pub fn is_refusal(&self) -> bool {
        self.kind() == Kind::Refused
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(error) | Self::Commit(error) => kind_of(error),
            Self::Histogram(_) | Self::Bucket(_) | Self::Damaged(_) | Self::Panicked(_) => {
                Kind::Damaged
            }
            Self::Gone => Kind::Unavailable,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Refused,
    Damaged,
}

fn kind_of(error: &Error) -> Kind {
    let Some(code) = error.sqlite_error_code() else {
        return match error {
            // A parameter that does not fit its column; everything else is a value read back, or a statement of ours.
            Error::ToSqlConversionFailure(_) => Kind::Refused,
            _ => Kind::Damaged,
        };
    };
    match code {
        ErrorCode::ConstraintViolation
        | ErrorCode::TooBig
        | ErrorCode::TypeMismatch
        | ErrorCode::ParameterOutOfRange => Kind::Refused,
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::InternalMalfunction
        | ErrorCode::ApiMisuse
        | ErrorCode::SchemaChanged
        // SQLITE_ERROR: a statement that cannot be right.
        | ErrorCode::Unknown => Kind::Damaged,
        // Full, busy, locked, read-only, IO, out of memory: time or a person may mend it, and the data is not at fault.
        _ => Kind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn sqlite(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn what_the_caller_has_to_do_follows_from_the_code() {
        let cases = [
            (ffi::SQLITE_FULL, "unavailable"),
            (ffi::SQLITE_IOERR_FSYNC, "unavailable"),
            (ffi::SQLITE_BUSY, "unavailable"),
            (ffi::SQLITE_LOCKED, "unavailable"),
            (ffi::SQLITE_READONLY, "unavailable"),
            (ffi::SQLITE_CANTOPEN, "unavailable"),
            (ffi::SQLITE_NOMEM, "unavailable"),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, "refused"),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, "refused"),
            (ffi::SQLITE_TOOBIG, "refused"),
            (ffi::SQLITE_MISMATCH, "refused"),
            (ffi::SQLITE_RANGE, "refused"),
            (ffi::SQLITE_CORRUPT_INDEX, "damaged"),
            (ffi::SQLITE_NOTADB, "damaged"),
            (ffi::SQLITE_ERROR, "damaged"),
        ];
        for (code, category) in cases {
            let failure = Failure::from(sqlite(code));
            assert_eq!(failure.is_refusal(), category == "refused", "{code}");
            assert_eq!(failure.at("metric", "test").category(), category, "{code}");
        }
        assert_eq!(Failure::Gone.at("metric", "test").category(), "unavailable");
        let histogram = Failure::from(CorruptHistogram { at: 3 });
        assert_eq!(histogram.at("metric", "test").category(), "damaged");
    }

    #[test]
    fn only_a_failure_at_commit_is_unknown() {
        let unknown = |failure: Failure| match failure.at("metric", "test") {
            StoreError::Unavailable { unknown, .. } => unknown,
            StoreError::Refused { .. } | StoreError::Damaged { .. } => panic!("not unavailable"),
        };
        assert!(unknown(Failure::Commit(sqlite(ffi::SQLITE_IOERR_FSYNC))));
        assert!(!unknown(Failure::Sqlite(sqlite(ffi::SQLITE_IOERR_FSYNC))));
        assert!(!unknown(Failure::Gone));
    }
}
