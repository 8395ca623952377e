//! clap's errors in our words, where ours say more.
//!
//! clap knows nothing of the environment and the file: a wrong value from there would be blamed on
//! a flag nobody typed, and a secret would be quoted. A plain slip on the command line stays as
//! clap tells it, with its colours and its usage line.

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::error::{ConfigError, MissingSetting};
use super::registry::{Injected, Registry};
use super::secret::SecretError;
use super::slot::Slot;
use super::sources::Source;
use crate::error_chain::chain;

/// What clap was asked.
pub(super) struct Asked<'a> {
    pub(super) registry: &'a Registry,
    pub(super) injected: &'a HashMap<usize, Injected>,
    /// The subcommands that were called, outermost first.
    pub(super) command: Vec<String>,
    pub(super) args: &'a [OsString],
}

impl Asked<'_> {
    /// The error to report for what clap answered.
    pub(super) fn explain(&self, error: clap::Error) -> ConfigError {
        match error.kind() {
            ErrorKind::MissingRequiredArgument => self.missing(error),
            ErrorKind::InvalidValue
            | ErrorKind::ValueValidation
            | ErrorKind::TooManyValues
            | ErrorKind::TooFewValues
            | ErrorKind::WrongNumberOfValues => self.invalid(error),
            _ => ConfigError::Usage(error),
        }
    }

    /// The slot of the flag that clap shows as `--queue-url <URL>`.
    fn slot(&self, shown: &str) -> Option<(usize, &Slot)> {
        let flag = shown.trim_start_matches('-');
        let key = flag.split([' ', '=', '[', '<']).next()?;
        let mut slots = self.registry.slots.iter().enumerate();
        slots.rfind(|(_, slot)| slot.key == key && self.command.starts_with(&slot.command))
    }

    fn is_flag(&self, slot: &Slot) -> bool {
        let flags = self.args.iter().skip(1).map(|arg| arg.to_string_lossy());
        flags
            .take_while(|arg| arg != "--")
            .any(|arg| match arg.strip_prefix("--") {
                Some(long) => long.split('=').next() == Some(&slot.key),
                None => {
                    let short = arg.strip_prefix('-').zip(slot.short);
                    short.is_some_and(|(letters, short)| letters.contains(short))
                }
            })
    }

    fn missing(&self, error: clap::Error) -> ConfigError {
        let named: Vec<&str> = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(names)) => names.iter().map(String::as_str).collect(),
            Some(ContextValue::String(name)) => vec![name],
            _ => Vec::new(),
        };
        let setting = |shown: &str| {
            let (_, slot) = self.slot(shown)?;
            Some(MissingSetting {
                key: slot.key.clone(),
                env: slot.env.clone(),
            })
        };
        // A positional argument among them is clap's to explain.
        match named.into_iter().map(setting).collect::<Option<Vec<_>>>() {
            Some(settings) if !settings.is_empty() => ConfigError::Missing { settings },
            _ => ConfigError::Usage(error),
        }
    }

    fn invalid(&self, error: clap::Error) -> ConfigError {
        let slot = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(shown)) => self.slot(shown),
            _ => None,
        };
        let Some((index, slot)) = slot else {
            return ConfigError::Usage(error);
        };
        let origin = match self.injected.get(&index) {
            _ if self.is_flag(slot) => Source::Flag,
            Some(injected) => injected.origin.clone(),
            None => Source::Default,
        };
        if !slot.secret && matches!(origin, Source::Flag | Source::Default) {
            return ConfigError::Usage(error);
        }
        let value = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(value)) => value.clone(),
            _ => String::new(),
        };
        // Of a secret's parser only our own error, for another may quote its input.
        let cause = error
            .source()
            .filter(|cause| !slot.secret || cause.is::<SecretError>());
        ConfigError::InvalidValue {
            key: slot.key.clone(),
            shown: slot.shown(&value),
            source: cause.map(|cause| chain(cause).to_string().into()),
            expected: expected(&error, &value, &origin),
            origin,
        }
    }
}

fn expected(error: &clap::Error, value: &str, origin: &Source) -> Option<String> {
    if matches!(origin, Source::Env(_)) && value.starts_with("tcp://") {
        let hint = "this looks like Kubernetes' variable for a Service; set `enableServiceLinks: \
                    false` in the pod's spec";
        return Some(hint.to_owned());
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            Some(format!("expected one of {}", values.join(", ")))
        }
        _ => None,
    }
}
