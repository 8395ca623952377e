//! Names and ids, checked once where they enter and trusted afterwards.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::UnixMillis;

/// A text that is not a valid name or id, with the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}` must match {rule}")]
pub struct InvalidId {
    /// What the text was to be.
    pub what: &'static str,
    /// The text, cut to 64 characters.
    pub text: String,
    /// The rule, in the form of a regular expression or a sentence.
    pub rule: &'static str,
}

impl InvalidId {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self {
            what,
            text: text.chars().take(64).collect(),
            rule,
        }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` against the rule of this type.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidId::new($what, text, $rule)) }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
    };
}

fn is_dns_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_token(text: &str, max: usize, extra: &[u8]) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
}

text_id!(
    /// Whose data it is. Part of every key, every name and every query.
    TenantId, "tenant", "[a-z0-9-]{1,40}", is_dns_name
);
text_id!(
    /// One queue of a tenant with the workers that drain it. `parked` is reserved for the queue of last resort.
    PipelineName, "pipeline", "[a-z0-9-]{1,40}, not `parked`",
    |t| is_dns_name(t) && t != "parked"
);
text_id!(
    /// The client's own identity for an event.
    EventId, "eventId", "[A-Za-z0-9._:-]{1,128}", |t| is_token(t, 128, b"._:-")
);
text_id!(
    /// The public part of an API key: safe to log.
    KeyId, "key id", "[A-Za-z0-9]{1,32}", |t| is_token(t, 32, b"")
);

impl PipelineName {
    /// The pipeline that stands where nobody configured one.
    #[must_use]
    pub fn fallback() -> Self {
        Self("default".into())
    }
}

/// One queue message, named once when it is sealed (UUIDv7, so ids sort by time).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub Uuid);

impl MessageId {
    /// When it was sealed, as the id itself says; `None` where it is no UUIDv7.
    #[must_use]
    pub fn sealed_at(self) -> Option<UnixMillis> {
        let [a, b, c, d, e, f, ..] = self.0.into_bytes();
        let seventh = self.0.get_version_num() == 7;
        seventh.then(|| UnixMillis(i64::from_be_bytes([0, 0, a, b, c, d, e, f])))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        assert!(TenantId::new("acme-1").is_ok());
        for bad in ["", "Acme", "a.b", "a_b", "ä", &"a".repeat(41)] {
            assert!(TenantId::new(bad).is_err(), "{bad:?} must be refused");
        }
        assert!(PipelineName::new("parked").is_err());
        assert!(EventId::new("a.b:c_d-1").is_ok());
        assert!(EventId::new("a b").is_err_and(|e| e.to_string().contains("eventId")));
        assert!(EventId::new(&"x".repeat(128)).is_ok());
        assert!(EventId::new(&"x".repeat(129)).is_err());
    }

    #[test]
    fn a_message_id_says_when_it_was_sealed() {
        let id = |text: &str| MessageId(text.parse().unwrap());
        let sealed = id("018cc251-f400-7000-8000-000000000001").sealed_at();
        assert_eq!(sealed, Some(UnixMillis(1_704_067_200_000)));
        assert_eq!(id("00000000-0000-0000-0000-000000000001").sealed_at(), None);
    }

    #[test]
    fn json_refuses_what_the_constructor_refuses() {
        assert!(serde_json::from_str::<TenantId>("\"NO\"").is_err());
        assert_eq!(
            serde_json::to_string(&TenantId::new("t").unwrap()).unwrap(),
            "\"t\""
        );
    }
}
