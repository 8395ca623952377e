//! Values that must not be shown.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::builder::{ValueParser, ValueParserFactory};

/// What is shown in a secret's place.
pub(super) const REDACTED: &str = "•••";

/// A password, token or URL with credentials. Clones share the text; `Debug` hides it, and there
/// is no `Display` and no `Serialize`, so showing it takes an [`expose`](Self::expose) that a
/// reviewer can search for.
///
/// As a command-line argument, `@/path` is read from that file, without its last line break: the
/// way to use a mounted Kubernetes or Docker secret.
#[derive(Clone)]
pub struct SecretString(Arc<str>);

impl SecretString {
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
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl FromStr for SecretString {
    type Err = Infallible;

    /// The text itself; reading `@/path` is the argument parser's business.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl ValueParserFactory for SecretString {
    type Parser = ValueParser;

    fn value_parser() -> ValueParser {
        ValueParser::new(from_argument)
    }
}

/// Why a secret's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be opened, or is not UTF-8.
    #[error("failed to read the secret's file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds nothing, which is never what was meant.
    #[error("the secret's file `{}` is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

fn from_argument(text: &str) -> Result<SecretString, SecretError> {
    let Some(path) = text.strip_prefix('@').filter(|path| path.starts_with('/')) else {
        return Ok(SecretString::new(text));
    };
    let path = PathBuf::from(path);
    let content = std::fs::read_to_string(&path).map_err(|source| SecretError::Read {
        path: path.clone(),
        source,
    })?;
    let line = content.strip_suffix('\n').unwrap_or(&content);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(SecretError::Empty { path });
    }
    Ok(SecretString::new(line))
}
