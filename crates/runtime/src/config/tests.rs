//! Loading as a process does it, with files and environments of the tests' own.

mod errors;
mod files;
mod precedence;
mod secrets;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tempfile::TempDir;

use super::*;
use crate::error_chain::chain;

#[derive(Debug, Parser)]
#[command(name = "demo", version = "1.2.3")]
struct Args {
    /// Where to listen
    #[arg(long, short, default_value_t = 8080)]
    port: u16,
    /// Whether to be brave
    #[arg(long)]
    brave: bool,
    /// Origins
    #[arg(long, value_delimiter = ',')]
    origins: Vec<String>,
    /// A version
    #[arg(long)]
    release: Option<String>,
    /// How to log
    #[arg(long, global = true, default_value = "auto")]
    log_format: crate::telemetry::LogFormat,
    /// Password
    #[arg(long)]
    password: Option<SecretString>,
    /// Has a password in it
    #[arg(long, hide_env_values = true)]
    sink: Option<u32>,
    /// Not asked again
    #[arg(long, hide_env = true)]
    yes: bool,
    /// Named by hand
    #[arg(long, env = "LEGACY_NAME")]
    legacy: Option<String>,
}

#[derive(Debug, Parser)]
#[command(name = "suite")]
struct Suite {
    #[command(flatten)]
    log: crate::telemetry::LogArgs,
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    Ingest {
        /// Store
        #[arg(long)]
        database_url: String,
        /// Port
        #[arg(long, default_value_t = 1)]
        port: u16,
    },
    Worker {
        /// Store
        #[arg(long)]
        database_url: String,
        /// At once
        #[arg(long, default_value_t = 1)]
        concurrency: u16,
    },
}

/// A directory with a configuration file in it.
struct Given {
    dir: TempDir,
    environment: Vec<(&'static str, &'static str)>,
}

impl Given {
    fn file(text: &str) -> Self {
        let given = Self {
            dir: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        };
        std::fs::write(given.path(), text).unwrap();
        given
    }

    fn nothing() -> Self {
        Self::file("")
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("sendry.yaml")
    }

    fn load_as<T: Parser>(&self, args: &[&str]) -> Result<Loaded<T>, ConfigError> {
        Loader::new("SENDRY")
            .default_file(self.path())
            .environment(Environment::fixed(self.environment.clone()))
            .load([&["demo"], args].concat())
    }

    fn load(&self, args: &[&str]) -> Loaded<Args> {
        match self.load_as(args) {
            Ok(loaded) => loaded,
            Err(error) => panic!("{}", chain(&error)),
        }
    }

    /// The whole error as the user sees it, with the file's path shortened to its name.
    fn error(&self, args: &[&str]) -> String {
        self.error_as::<Args>(args)
    }

    fn error_as<T: Parser + std::fmt::Debug>(&self, args: &[&str]) -> String {
        let error = self.load_as::<T>(args).unwrap_err();
        let dir = format!("{}/", self.dir.path().display());
        chain(&error).to_string().replace(&dir, "")
    }
}
