//! What must not be shown, and how a broker keeps a password.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// The one way of hashing that is verified here, RabbitMQ's own since 3.6: base64 of four bytes of salt and the SHA-256
/// of salt and password.
pub const HASHING: &str = "rabbit_password_hashing_sha256";

const SALT: usize = 4;

/// A password, the hash of one, or a private key. Clones share the text; `Debug` hides it, and there is no `Display` and
/// no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Arc<str>);

impl SecretText {
    /// Wraps a text as it is.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// This password as the broker keeps it, under [`HASHING`]. The salt only has to be another one each time.
    #[must_use]
    pub fn hashed(&self, salt: [u8; SALT]) -> SecretText {
        let mut bytes = salt.to_vec();
        bytes.extend_from_slice(&digest(&salt, &self.0));
        Self::new(STANDARD.encode(bytes))
    }

    /// Whether `hash` is of this password, under [`HASHING`].
    #[must_use]
    pub fn is_hashed_as(&self, hash: &SecretText) -> bool {
        let bytes = STANDARD.decode(hash.expose()).unwrap_or_default();
        bytes
            .split_at_checked(SALT)
            .is_some_and(|(salt, rest)| rest == digest(salt, &self.0))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn digest(salt: &[u8], password: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_broker_s_own_documentation_verifies() {
        // https://www.rabbitmq.com/docs/passwords: password `test12`, salt 908D C60A.
        let password = SecretText::new("test12");
        let hash = password.hashed([0x90, 0x8D, 0xC6, 0x0A]);
        assert_eq!(
            hash.expose(),
            "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
        );
    }

    proptest! {
        #[test]
        fn only_the_password_itself_verifies(password in any::<String>(), other in any::<String>(), salt in any::<[u8; 4]>()) {
            let (secret, hash) = (SecretText::new(password.as_str()), SecretText::new(password.as_str()).hashed(salt));
            prop_assert!(secret.is_hashed_as(&hash));
            prop_assert_eq!(SecretText::new(other.as_str()).is_hashed_as(&hash), other == password);
            prop_assert!(!secret.is_hashed_as(&SecretText::new(other)));
            prop_assert!(!secret.is_hashed_as(&SecretText::new(&hash.expose()[..4])));
        }
    }
}
