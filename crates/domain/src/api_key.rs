//! API keys: `sdy_live_<id>_<secret><checksum>`.
//!
//! The id (12 characters) is public. The secret is 256 random bits in base 62 (43 characters), followed by a CRC-32 of
//! everything before it (6 characters), so that a typing error is refused without asking any store and secret scanners
//! can be sure. Stores keep only the SHA-256 of the whole key: 256 random bits cannot be guessed, so a slow hash would
//! only slow ingest down.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::id::KeyId;

const PREFIX: &str = "sdy_live_";
const ID_LEN: usize = 12;
const SECRET_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random bytes that [`ApiKey::mint`] needs.
pub const ENTROPY: usize = 12 + 32;

/// A well-formed key. Its text never appears in `Debug`, and it has no `Display`.
#[derive(Clone)]
pub struct ApiKey {
    id: KeyId,
    text: String,
}

/// What stores keep of a key.
#[derive(Clone, Copy)]
pub struct KeyHash(pub [u8; 32]);

/// A text that is no key; says why without repeating it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKey {
    /// Not of the form.
    #[error("an API key has the form sdy_live_<id>_<secret>")]
    Form,
    /// The form is right, the checksum is not.
    #[error("the API key has a typing error: its checksum does not fit")]
    Checksum,
}

impl ApiKey {
    /// Makes a key from random bytes.
    #[must_use]
    pub fn mint(entropy: &[u8; ENTROPY]) -> Self {
        let (for_id, for_secret) = entropy.split_at(12);
        // 256 values onto 62 letters: the bias does not matter for an id that is public.
        let id: String = for_id
            .iter()
            .map(|b| ALPHABET[usize::from(*b) % 62] as char)
            .collect();
        let body = format!("{PREFIX}{id}_{}", base62(for_secret, SECRET_LEN));
        let text = format!("{body}{}", checksum(&body));
        Self {
            id: KeyId::new(&id).unwrap_or_else(|_| unreachable!("base 62 is alphanumeric")),
            text,
        }
    }

    /// Reads a key as a client sends it.
    ///
    /// # Errors
    /// When it has another form, or a typing error.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(MalformedKey::Form)?;
        let (id, secret) = rest.split_once('_').ok_or(MalformedKey::Form)?;
        let well_formed = id.len() == ID_LEN
            && secret.len() == SECRET_LEN + CHECKSUM_LEN
            && secret.bytes().all(|b| b.is_ascii_alphanumeric());
        let id = KeyId::new(id)
            .ok()
            .filter(|_| well_formed)
            .ok_or(MalformedKey::Form)?;
        let (body, sum) = text.split_at(text.len() - CHECKSUM_LEN);
        if checksum(body) != sum {
            return Err(MalformedKey::Checksum);
        }
        Ok(Self {
            id,
            text: text.to_owned(),
        })
    }

    /// The public part.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// What to store and compare.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.as_bytes()).into())
    }

    /// The key itself, for the one place that shows or sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl KeyHash {
    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The first 12 hexadecimal digits: enough for a person to see which key this is, and nothing to guess it from.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let first = self.0.iter().take(6);
        first.map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({PREFIX}{}_[redacted])", self.id)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash([redacted])")
    }
}

fn checksum(body: &str) -> String {
    base62(
        &crc32fast::hash(body.as_bytes()).to_be_bytes(),
        CHECKSUM_LEN,
    )
}

/// Big-endian bytes as `len` base-62 digits, zeros in front; digits beyond `len` are cut.
fn base62(bytes: &[u8], len: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![b'0'; len];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *digit = ALPHABET[remainder as usize];
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_minted_parses(entropy in prop::collection::vec(any::<u8>(), ENTROPY)) {
            let key = ApiKey::mint(&entropy.try_into().unwrap());
            let again = ApiKey::parse(key.expose()).unwrap();
            prop_assert!(again.hash().matches(&key.hash()));
            prop_assert_eq!(again.id(), key.id());
            let debug = format!("{key:?} {:?}", key.hash());
            prop_assert!(!debug.contains(&key.expose()[22..]));
        }

        #[test]
        fn one_wrong_letter_is_found(at in 0usize..71, letter in "[0-9A-Za-z]") {
            let key = ApiKey::mint(&[7; ENTROPY]);
            let mut text = key.expose().to_owned();
            prop_assume!(text[at..=at] != letter);
            text.replace_range(at..=at, &letter);
            prop_assert!(ApiKey::parse(&text).is_err());
        }

        #[test]
        fn parse_never_panics(text in ".{0,90}") {
            let _ = ApiKey::parse(&text);
        }
    }

    #[test]
    fn the_form_is_stable() {
        let key = ApiKey::mint(&[0; ENTROPY]);
        assert_eq!(key.expose().len(), 71);
        assert!(key.expose().starts_with("sdy_live_000000000000_0000"));
        let secrets: std::collections::HashSet<_> = (0..=255u8)
            .map(|b| ApiKey::mint(&[b; ENTROPY]).expose()[22..65].to_owned())
            .collect();
        assert_eq!(secrets.len(), 256, "43 digits hold all of 256 bits");
    }

    #[test]
    fn a_fingerprint_is_the_beginning_of_what_sha256sum_says() {
        let hash = ApiKey::mint(&[0; ENTROPY]).hash();
        assert_eq!(hash.fingerprint(), "58af6f956d07");
    }
}
