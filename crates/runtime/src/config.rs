//! Settings: which there are, what they are, and who set them.
//!
//! clap is the one registry of keys. A long flag `--queue-url` of a process is also the
//! environment variable `SENDRY_QUEUE_URL` and the key `queue-url` of the configuration file;
//! precedence is **flag > environment > file > default**. There is nothing else to register, so
//! `--help` lists every setting there is and [`Settings`] can say of each where its value came
//! from.
//!
//! ```
//! use clap::Parser;
//! use sendry_runtime::config::{Environment, Loader, SecretString, Source};
//!
//! #[derive(Parser)]
//! struct Args {
//!     /// Where to listen
//!     #[arg(long, default_value = "127.0.0.1:8080")]
//!     listen: std::net::SocketAddr,
//!     /// URL of the queue
//!     #[arg(long)]
//!     queue_url: SecretString,
//! }
//!
//! # fn main() -> Result<(), sendry_runtime::config::ConfigError> {
//! let environment = Environment::fixed([("SENDRY_QUEUE_URL", "amqp://user:pass@mq")]);
//! let loaded = Loader::new("SENDRY").environment(environment).load::<Args>(["demo"])?;
//! assert_eq!(loaded.value.queue_url.expose(), "amqp://user:pass@mq");
//! assert_eq!(loaded.sources.get("listen").unwrap().source, Source::Default);
//! assert!(!loaded.sources.to_string().contains("pass"));
//! # Ok(())
//! # }
//! ```
//!
//! # Rules
//!
//! - **File**: YAML; `--config FILE` or `SENDRY_CONFIG`, else the loader's default path if that
//!   file exists. Keys are long flag names; nested maps are joined with `-`, so `queue: {url: x}`
//!   is `queue-url: x`. A list is a flag given several times. An empty value (`key:`) is no value.
//!   A section named as a subcommand is for that subcommand alone; a key outside is for every
//!   (sub)command that has such a flag. A key that nothing knows is an error.
//! - **Environment**: the prefix and the flag in capitals, or what `#[arg(env = "..")]` names. An
//!   empty variable is no value. Kubernetes puts `<SERVICE>_PORT=tcp://..` into every pod: switch
//!   `enableServiceLinks` off where a Service is called `sendry`.
//! - **Command line only**: mark a flag that is an act and not a setting (`--yes`, `--force`) with
//!   `#[arg(hide_env = true)]`; then neither file nor environment can give it.
//! - **Booleans** from file or environment: true/false, yes/no, on/off, 1/0.
//! - **Secrets** are arguments of type [`SecretString`], or marked `#[arg(hide_env_values = true)]`:
//!   shown as `•••`, in errors too. `@/path` as a [`SecretString`] is the content of that file.
//! - Values from the environment and the file reach clap as defaults. So clap's `conflicts_with`,
//!   `requires` and `ArgGroup` look at flags only (check across settings after loading), and
//!   `default_value_if` must not be used: it would win over the file.
//! - The loader adds `--config` and `--print-config[=json]`; do not declare them.

mod environment;
mod error;
mod explain;
mod file;
mod loader;
mod nearest;
mod registry;
mod secret;
mod slot;
mod sources;

use std::ffi::OsString;

use clap::Parser;

pub use environment::Environment;
pub use error::{ConfigError, MissingSetting, Place};
pub use loader::{Loaded, Loader, PrintFormat};
pub use secret::{SecretError, SecretString};
pub use sources::{Setting, Settings, Source};

/// Loads settings from `args` (the first is the program's name), this process's environment and
/// the configuration file. `env_prefix` is `SENDRY` for the variables `SENDRY_*`.
///
/// # Errors
/// See [`ConfigError`]; `--help` and `--version` come this way too. In `main`:
/// `return error.report()`.
pub fn parse<T: Parser>(
    args: impl IntoIterator<Item: Into<OsString>>,
    env_prefix: &str,
) -> Result<Loaded<T>, ConfigError> {
    Loader::new(env_prefix).load(args)
}

#[cfg(test)]
mod tests;
