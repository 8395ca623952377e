//! What the driver and the server report, as what the caller has to do.

use std::time::Duration;

use mongodb::error::{Error, ErrorKind};

use crate::StoreError;

/// The port, in errors.
const RAW: &str = "raw";

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The driver or the server reports an error of the whole command. Its kind says all; the rest of the driver's text
    /// is a dump of structures.
    #[error("{}", .0.kind)]
    Driver(Box<Error>),
    /// The server reports an error of one document that is not about its content.
    #[error("the server cannot write: {message} (code {code})")]
    Write {
        /// The server's code.
        code: i32,
        /// The server's words.
        message: String,
    },
    /// Written, but not known to be durable.
    #[error("the server cannot confirm that a majority has it: {message} (code {code})")]
    Concern {
        /// The server's code.
        code: i32,
        /// The server's words.
        message: String,
    },
    /// No answer.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// A failure after an earlier command of the same call took effect.
    #[error("stored a part")]
    Partly(#[source] Box<Failure>),
    /// A document that no build writes.
    #[error("{0}")]
    Damaged(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(Box::new(error))
    }
}

impl Failure {
    /// The failure of a call that had, or had not, stored something before.
    pub fn after(self, stored: bool) -> Self {
        if stored && !matches!(self, Self::Partly(_)) {
            Self::Partly(Box::new(self))
        } else {
            self
        }
    }

    /// Whether the same data would be refused again.
    pub fn is_refusal(&self) -> bool {
        let Self::Driver(error) = self else {
            return false;
        };
        match error.kind.as_ref() {
            // Larger than this server takes, or no BSON.
            ErrorKind::InvalidArgument { .. }
            | ErrorKind::BsonSerialization(_)
            | ErrorKind::Bson(_) => true,
            ErrorKind::Command(error) => is_content(error.code),
            _ => false,
        }
    }

    /// Whether a setting has to be changed before it can succeed: a user or password, or TLS.
    pub fn is_setting(&self) -> bool {
        let Self::Driver(error) = self else {
            return false;
        };
        match error.kind.as_ref() {
            ErrorKind::Authentication { .. } | ErrorKind::InvalidTlsConfig { .. } => true,
            // Unauthorized, AuthenticationFailed.
            ErrorKind::Command(error) => matches!(error.code, 13 | 18),
            _ => false,
        }
    }

    /// The server's code, where the whole command failed.
    pub fn command_code(&self) -> Option<i32> {
        match self {
            Self::Driver(error) => match error.kind.as_ref() {
                ErrorKind::Command(error) => Some(error.code),
                _ => None,
            },
            _ => None,
        }
    }

    /// The error of a call that changes something.
    pub fn writing(self, doing: &'static str) -> StoreError {
        let unknown = self.may_have_written();
        self.at(doing, unknown)
    }

    /// The error of a call that only reads.
    pub fn reading(self, doing: &'static str) -> StoreError {
        self.at(doing, false)
    }

    fn at(self, doing: &'static str, unknown: bool) -> StoreError {
        if self.is_damage() {
            return StoreError::Damaged {
                store: RAW,
                doing,
                source: Box::new(self),
            };
        }
        StoreError::Unavailable {
            store: RAW,
            doing,
            unknown,
            source: Box::new(self),
        }
    }

    fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Driver(error) => matches!(
                error.kind.as_ref(),
                ErrorKind::BsonDeserialization(_) | ErrorKind::Bson(_)
            ),
            _ => false,
        }
    }

    /// Everything, except where no server was reached.
    fn may_have_written(&self) -> bool {
        let Self::Driver(error) = self else {
            return true;
        };
        !matches!(
            error.kind.as_ref(),
            ErrorKind::ServerSelection { .. }
                | ErrorKind::DnsResolve { .. }
                | ErrorKind::Authentication { .. }
                | ErrorKind::InvalidTlsConfig { .. }
        )
    }
}

/// Whether the server's code is about the document, so that it would be refused again. These are few, since all our
/// documents have one simple shape. The ways in which a server may be unable to write are many and grow (full, over its
/// quota, not primary, throttled), so every other code means that it is worth waiting.
pub fn is_content(code: i32) -> bool {
    matches!(
        code,
        // BadValue, FailedToParse, TypeMismatch, Overflow, InvalidBSON.
        2 | 9 | 14 | 15 | 22
        // DollarPrefixedFieldName, EmptyFieldName, DottedFieldName, DocumentValidationFailure.
        | 52 | 56 | 57 | 121
        // BSONObjectTooLarge, KeyTooLong.
        | 10_334 | 17_280
    ) || UNTRANSLATED.contains(&code)
}

/// The same codes as FerretDB reports them of a single document: the SQLSTATE of its PostgreSQL, as a number.
const UNTRANSLATED: [i32; 9] = [
    sqlstate(b"M0001"),
    sqlstate(b"M0003"),
    sqlstate(b"M0004"),
    sqlstate(b"M0005"),
    sqlstate(b"M000G"),
    sqlstate(b"M000J"),
    sqlstate(b"M000K"),
    sqlstate(b"M00CO"),
    sqlstate(b"M001B"),
];

/// Six bits a character, the first one lowest: PostgreSQL's `MAKE_SQLSTATE`.
const fn sqlstate(text: &[u8; 5]) -> i32 {
    let (mut number, mut at) = (0, 5);
    while at > 0 {
        at -= 1;
        number = number << 6 | (text[at] as i32 - '0' as i32);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(error: Error) -> Failure {
        Failure::from(error)
    }

    fn io() -> Failure {
        driver(Error::from(std::io::Error::from(
            std::io::ErrorKind::ConnectionReset,
        )))
    }

    #[test]
    fn only_codes_of_content_refuse() {
        // The last as seen on the wire: `M00CO`.
        for code in [2, 9, 22, 121, 10_334, 525_074_461] {
            assert!(is_content(code), "{code}");
        }
        // Duplicate, not primary, shutting down, unauthorized, over quota, disk full, throttled, validation of ours, none.
        for code in [11_000, 10_107, 91, 13, 8_000, 14_031, 16_500, 64, 0, -1] {
            assert!(!is_content(code), "{code}");
        }
    }

    #[test]
    fn a_broken_connection_is_unavailable_and_perhaps_took_effect() {
        let StoreError::Unavailable { unknown, store, .. } = io().writing("test") else {
            panic!("not unavailable");
        };
        assert!(unknown);
        assert_eq!(store, "raw");
        assert!(!io().is_refusal());
        let read = io().reading("test");
        assert!(matches!(
            read,
            StoreError::Unavailable { unknown: false, .. }
        ));
        let late = Failure::TimedOut(Duration::from_secs(1)).after(true);
        let late = late.after(true).writing("test");
        assert!(matches!(
            late,
            StoreError::Unavailable { unknown: true, .. }
        ));
    }

    #[test]
    fn damage_is_damage() {
        let damaged = Failure::Damaged("x".to_owned()).reading("test");
        assert_eq!(damaged.category(), "damaged");
    }
}
