//! What PostgreSQL and its driver report, as what the caller has to do.

use sendry_domain::histogram::CorruptHistogram;
use sqlx::Error;

use super::super::rows::Unreadable;
use crate::StoreError;

/// A failed operation, before it is known whose.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A statement failed; its transaction was rolled back.
    #[error(transparent)]
    Sql(#[from] Error),
    /// COMMIT failed.
    #[error("failed to commit")]
    Commit(#[source] Error),
    /// No answer in time; the connection was given up.
    #[error("no answer from PostgreSQL in time")]
    TimedOut {
        /// COMMIT had been sent.
        committing: bool,
    },
    /// A tenant was erased since its names were learned: they are to be learned anew. Nothing was changed.
    #[error("the tenant was erased and has another number")]
    Renumbered,
    /// Others changed the same rows again and again.
    #[error("{0}")]
    Contended(&'static str),
    /// A stored histogram is none.
    #[error(transparent)]
    Histogram(#[from] CorruptHistogram),
    /// A stored bucket that no build writes.
    #[error(transparent)]
    Bucket(#[from] Unreadable),
    /// A stored value that no build writes.
    #[error("{0}")]
    Damaged(String),
    /// A bug of ours; the transaction was rolled back.
    #[error("the store's own task panicked: {0}")]
    Panicked(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Refused,
    Damaged,
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
                unknown: self.is_unknown(),
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

    /// Whether the transaction lost to another one and may be tried again at once: serialization failure, deadlock.
    pub fn is_collision(&self) -> bool {
        matches!(self, Self::Sql(error) | Self::Commit(error)
            if matches!(state(error).as_deref(), Some("40001" | "40P01")))
    }

    /// Whether the server answered, so that the connection is known to be in order.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Sql(error) | Self::Commit(error) => state(error).is_some(),
            Self::TimedOut { .. } | Self::Panicked(_) => false,
            Self::Renumbered
            | Self::Contended(_)
            | Self::Histogram(_)
            | Self::Bucket(_)
            | Self::Damaged(_) => true,
        }
    }

    /// Whether the transaction may have taken effect all the same.
    fn is_unknown(&self) -> bool {
        match self {
            // Classes 23 and 40: the server said that it rolled back.
            Self::Commit(error) => {
                let code = state(error).unwrap_or_default();
                !(code.starts_with("23") || code.starts_with("40"))
            }
            Self::TimedOut { committing } => *committing,
            _ => false,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Sql(error) | Self::Commit(error) => kind_of(error),
            Self::TimedOut { .. } | Self::Renumbered | Self::Contended(_) => Kind::Unavailable,
            Self::Histogram(_) | Self::Bucket(_) | Self::Damaged(_) | Self::Panicked(_) => {
                Kind::Damaged
            }
        }
    }
}

/// The SQLSTATE, where the server gave one.
fn state(error: &Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error()?.code()
}

fn kind_of(error: &Error) -> Kind {
    match error {
        Error::Database(_) => kind_of_state(&state(error).unwrap_or_default()),
        // A parameter that the driver cannot send.
        Error::Encode(_) => Kind::Refused,
        // Values read back that do not fit, or statements of ours.
        Error::RowNotFound
        | Error::TypeNotFound { .. }
        | Error::ColumnIndexOutOfBounds { .. }
        | Error::ColumnNotFound(_)
        | Error::ColumnDecode { .. }
        | Error::Decode(_) => Kind::Damaged,
        // Connection, TLS, protocol, pool: time or a person may mend it, and the data is not at fault.
        _ => Kind::Unavailable,
    }
}

fn kind_of_state(code: &str) -> Kind {
    match code.get(..2).unwrap_or_default() {
        // Data exceptions and integrity constraints.
        "22" | "23" => Kind::Refused,
        // The row holds something that cannot be read, or a page of the table or an index.
        "XX" if code != "XX000" => Kind::Damaged,
        // Syntax, access rules: a statement of ours, or a schema that is not ours. Rights may be granted later.
        "42" if code != "42501" => Kind::Damaged,
        // 08 connection, 53 resources, 57 intervention, 40 rollback, 55 locks, 25 transaction state, 58 system errors,
        // 28 and 42501 rights, and whatever else: the data is not at fault.
        _ => Kind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_has_to_do_follows_from_the_state() {
        let cases = [
            ("22021", Kind::Refused),
            ("22P05", Kind::Refused),
            ("22003", Kind::Refused),
            ("23505", Kind::Refused),
            ("23514", Kind::Refused),
            ("08006", Kind::Unavailable),
            ("53100", Kind::Unavailable),
            ("53300", Kind::Unavailable),
            ("57P01", Kind::Unavailable),
            ("57014", Kind::Unavailable),
            ("40001", Kind::Unavailable),
            ("40P01", Kind::Unavailable),
            ("55P03", Kind::Unavailable),
            ("25006", Kind::Unavailable),
            ("25P03", Kind::Unavailable),
            ("58030", Kind::Unavailable),
            ("42501", Kind::Unavailable),
            ("XX000", Kind::Unavailable),
            ("XX001", Kind::Damaged),
            ("XX002", Kind::Damaged),
            ("42P01", Kind::Damaged),
            ("42703", Kind::Damaged),
        ];
        for (code, kind) in cases {
            assert_eq!(kind_of_state(code), kind, "{code}");
        }
    }

    #[test]
    fn only_a_failure_at_commit_is_unknown() {
        let unknown = |failure: Failure| match failure.at("metric", "test") {
            StoreError::Unavailable { unknown, .. } => unknown,
            StoreError::Refused { .. } | StoreError::Damaged { .. } => panic!("not unavailable"),
        };
        assert!(unknown(Failure::Commit(Error::WorkerCrashed)));
        assert!(!unknown(Failure::Sql(Error::WorkerCrashed)));
        assert!(!unknown(Failure::Sql(Error::PoolTimedOut)));
        assert!(unknown(Failure::TimedOut { committing: true }));
        assert!(!unknown(Failure::TimedOut { committing: false }));
    }
}
