//! One setting, as its clap argument declares it.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, ArgAction};

use super::error::ConfigError;
use super::secret::{REDACTED, SecretString};
use super::sources::Source;

/// One setting: a long flag of a command or subcommand.
#[derive(Debug)]
pub(super) struct Slot {
    /// The subcommands that lead to it.
    pub(super) command: Vec<String>,
    /// clap's id.
    pub(super) id: String,
    /// The long flag.
    pub(super) key: String,
    /// The short flag.
    pub(super) short: Option<char>,
    /// The environment variable; `None` for what is said on the command line only.
    pub(super) env: Option<String>,
    /// Must not be shown.
    pub(super) secret: bool,
    /// True or false, in any spelling.
    boolean: bool,
    /// May have several values.
    pub(super) list: bool,
    /// Takes what is not UTF-8, as a path may be.
    any_bytes: bool,
}

impl Slot {
    /// The slot of an argument of `command`; `None` for positional arguments, help and version.
    pub(super) fn of(arg: &Arg, command: &[String], env_prefix: &str) -> Option<Self> {
        if matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        ) {
            return None;
        }
        let key = arg.get_long()?.to_owned();
        let named = arg
            .get_env()
            .map(|name| name.to_string_lossy().into_owned());
        let derived = || {
            format!(
                "{env_prefix}_{}",
                key.replace('-', "_").to_ascii_uppercase()
            )
        };
        let env = (!arg.is_hide_env_set()).then(|| named.unwrap_or_else(derived));
        let parser = arg.get_value_parser().type_id();
        let several = arg
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1);
        Some(Self {
            command: command.to_owned(),
            id: arg.get_id().to_string(),
            short: arg.get_short(),
            env,
            secret: arg.is_hide_env_values_set() || parser == TypeId::of::<SecretString>(),
            boolean: parser == TypeId::of::<bool>(),
            any_bytes: parser == TypeId::of::<PathBuf>() || parser == TypeId::of::<OsString>(),
            list: several
                || arg.get_value_delimiter().is_some()
                || matches!(arg.get_action(), ArgAction::Append),
            key,
        })
    }

    /// A value as clap takes it: the many spellings of a boolean become clap's two.
    pub(super) fn normal(&self, value: OsString, origin: &Source) -> Result<OsString, ConfigError> {
        let Some(text) = value.to_str() else {
            return if self.any_bytes {
                Ok(value)
            } else {
                Err(self.wrong(&value, origin, "UTF-8"))
            };
        };
        if !self.boolean {
            return Ok(value);
        }
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok("true".into()),
            "false" | "no" | "off" | "0" => Ok("false".into()),
            _ => Err(self.wrong(&value, origin, "true or false")),
        }
    }

    fn wrong(&self, value: &OsStr, origin: &Source, expected: &str) -> ConfigError {
        ConfigError::InvalidValue {
            key: self.key.clone(),
            shown: self.shown(&value.to_string_lossy()),
            origin: origin.clone(),
            expected: Some(format!("expected {expected}")),
            source: None,
        }
    }

    /// A value as an error may show it.
    pub(super) fn shown(&self, value: &str) -> String {
        if self.secret {
            format!("a secret value ({REDACTED})")
        } else {
            format!("`{value}`")
        }
    }
}
