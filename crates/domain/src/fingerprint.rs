//! What tells two contents under one identity apart.
//!
//! Made at ingest from the client's inflated bytes, before anything is stamped or redacted, so that a retry of the same
//! bytes is the same content however it travelled. 128 bits of SHA-256.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first 16 bytes of a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Of one event's bytes.
    #[must_use]
    pub fn of_event(bytes: &[u8]) -> Self {
        Self::cut(Sha256::digest(bytes).as_slice())
    }

    /// Of all events of a batch, in order; lengths are hashed too, so that moved borders differ.
    pub fn of_batch<'a>(events: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for event in events {
            hasher.update((event.len() as u64).to_le_bytes());
            hasher.update(event);
        }
        Self::cut(hasher.finalize().as_slice())
    }

    fn cut(digest: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl From<Fingerprint> for String {
    fn from(print: Fingerprint) -> String {
        print.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;
    fn try_from(hex: String) -> Result<Self, Self::Error> {
        const RULE: &str = "a fingerprint is 32 hexadecimal digits";
        let digits = hex.as_bytes();
        if digits.len() != 32 {
            return Err(RULE);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |d: u8| (d as char).to_digit(16).ok_or(RULE);
            *byte = (nibble(pair[0])? * 16 + nibble(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_between_events_matter() {
        let a = Fingerprint::of_batch([b"ab".as_slice(), b"c"]);
        let b = Fingerprint::of_batch([b"a".as_slice(), b"bc"]);
        assert_ne!(a, b);
    }

    #[test]
    fn text_form_round_trips() {
        let print = Fingerprint::of_event(b"{}");
        assert_eq!(Fingerprint::try_from(print.to_string()), Ok(print));
        assert!(Fingerprint::try_from("zz".repeat(16)).is_err());
        assert!(Fingerprint::try_from("é".repeat(16)).is_err());
    }
}
