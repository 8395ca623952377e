//! What can be wrong with settings, told so that the reader can put it right.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use super::sources::Source;
use crate::error_chain::chain;

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.path.display()),
            line => write!(f, "{}:{line}", self.path.display()),
        }
    }
}

/// A required setting nobody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSetting {
    /// The long flag and key of the file.
    pub key: String,
    /// The environment variable, if it has one.
    pub env: Option<String>,
}

impl fmt::Display for MissingSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (--{}", self.key, self.key)?;
        if let Some(env) = &self.env {
            write!(f, ", {env}, or in the configuration file")?;
        }
        f.write_str(")")
    }
}

/// Why settings could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read the configuration file `{}` named by {named_by}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The flag or variable that named it.
        named_by: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("failed to parse the configuration file `{}` as YAML", path.display())]
    ParseFile {
        /// The file.
        path: PathBuf,
        /// Where and why, without quoting the file.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file is YAML, but not `key: value`.
    #[error("expected `key: value` lines at {place}")]
    NotAMap {
        /// Where.
        place: Place,
    },
    /// A key of the file that no flag has.
    #[error("unknown setting `{key}` at {place}{}", suggested(suggestion.as_ref()))]
    UnknownKey {
        /// The key, joined with `-`.
        key: String,
        /// Where.
        place: Place,
        /// The nearest key there is.
        suggestion: Option<String>,
    },
    /// The file sets one setting twice, in two spellings.
    #[error("setting `{key}` is given twice, at {first} and at {place}; remove one")]
    DuplicateKey {
        /// The setting.
        key: String,
        /// Where first.
        first: Place,
        /// Where again.
        place: Place,
    },
    /// A list or map where one value belongs.
    #[error("setting `{key}` at {place} takes one value, not {found}")]
    NotAValue {
        /// The setting.
        key: String,
        /// Where.
        place: Place,
        /// What stands there.
        found: &'static str,
    },
    /// A value its setting cannot have.
    #[error(
        "failed to use {shown} as setting `{key}` (from {origin}){}",
        expected.as_ref().map(|text| format!("; {text}")).unwrap_or_default()
    )]
    InvalidValue {
        /// The setting.
        key: String,
        /// The value in backticks, or a secret's stand-in.
        shown: String,
        /// Where the value came from.
        origin: Source,
        /// What to write instead.
        expected: Option<String>,
        /// Why.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Required settings that nobody gave.
    #[error("missing {}", list(settings))]
    Missing {
        /// At least one.
        settings: Vec<MissingSetting>,
    },
    /// What clap says of the command line; also `--help` and `--version`.
    #[error(transparent)]
    Usage(#[from] clap::Error),
}

fn suggested(suggestion: Option<&String>) -> String {
    match suggestion {
        Some(key) => format!("; did you mean `{key}`?"),
        None => "; --help lists every setting".to_owned(),
    }
}

fn list(settings: &[MissingSetting]) -> String {
    let noun = if settings.len() == 1 {
        "setting"
    } else {
        "settings"
    };
    let shown: Vec<String> = settings.iter().map(ToString::to_string).collect();
    format!("{noun} {}", shown.join(", "))
}

impl ConfigError {
    /// Tells the user and gives `main` its exit code: 0 for `--help` and `--version`, else 2.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(error) => {
                // Help goes to standard output, errors to standard error; a closed pipe is no
                // reason to fail louder.
                let _ = error.print();
                u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            error => {
                eprintln!("error: {}", chain(error));
                ExitCode::from(2)
            }
        }
    }
}
