//! Loading, step by step: who names the file, what the file and the environment say, what clap
//! makes of it all, and who won.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, PossibleValuesParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Parser};

use super::environment::Environment;
use super::error::ConfigError;
use super::explain::Asked;
use super::file::{self, Entry};
use super::registry::{Injected, Registry};
use super::secret::REDACTED;
use super::slot::Slot;
use super::sources::{Setting, Settings, Source};

const CONFIG: &str = "config";
const PRINT_CONFIG: &str = "print-config";

/// How `--print-config` was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrintFormat {
    /// Aligned columns.
    Table,
    /// A list of objects.
    Json,
}

/// Settings, and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The settings as the process declared them.
    pub value: T,
    /// Every setting of the command that was called, secrets redacted.
    pub sources: Settings,
    /// Set if the user asked to see the settings instead of running.
    pub print: Option<PrintFormat>,
}

impl<T> Loaded<T> {
    /// What to print, and then to leave, if `--print-config` was given.
    #[must_use]
    pub fn to_print(&self) -> Option<String> {
        self.print.map(|format| match format {
            PrintFormat::Table => self.sources.to_string(),
            PrintFormat::Json => self.sources.to_json(),
        })
    }
}

/// Where settings are loaded from besides the command line.
#[derive(Debug, Clone)]
pub struct Loader {
    env_prefix: String,
    default_file: Option<PathBuf>,
    environment: Environment,
}

impl Loader {
    /// This process's environment with variables `<env_prefix>_*`, and no default file.
    #[must_use]
    pub fn new(env_prefix: impl Into<String>) -> Self {
        let environment = Environment::process();
        Self {
            env_prefix: env_prefix.into(),
            default_file: None,
            environment,
        }
    }

    /// The file to read if no other is named; it need not exist.
    #[must_use]
    pub fn default_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.default_file = Some(path.into());
        self
    }

    /// Another environment than this process's.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Loads settings; the first of `args` is the program's name.
    ///
    /// # Errors
    /// See [`ConfigError`]; `--help` and `--version` come this way too.
    pub fn load<T: Parser>(
        &self,
        args: impl IntoIterator<Item: Into<OsString>>,
    ) -> Result<Loaded<T>, ConfigError> {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let registry = Registry::of(&T::command(), &self.env_prefix);
        let command = self.with_own_flags(T::command());

        // A first look, for help and for --config. It stops at what is wrong with the command
        // line, where the second look stops too and says so.
        let look = registry.documented(command.clone()).ignore_errors(true);
        let look = look.try_get_matches_from(&args)?;
        let file = self.file(&look)?;

        let injected = registry.inject(&self.environment, &file)?;
        let mut command = registry.with_values(command, &injected);
        let mut matches = command.try_get_matches_from_mut(&args).map_err(|error| {
            let command = levels(&look).map(|(name, _)| name.to_owned()).collect();
            Asked {
                registry: &registry,
                injected: &injected,
                command,
                args: &args,
            }
            .explain(error)
        })?;
        let sources = sources(&registry, &injected, &matches);
        let print = match matches.get_one::<String>(PRINT_CONFIG).map(String::as_str) {
            None => None,
            Some("json") => Some(PrintFormat::Json),
            Some(_) => Some(PrintFormat::Table),
        };
        let value = T::from_arg_matches_mut(&mut matches)
            .map_err(|error| ConfigError::Usage(error.format(&mut command)))?;
        Ok(Loaded {
            value,
            sources,
            print,
        })
    }

    fn config_variable(&self) -> String {
        format!("{}_CONFIG", self.env_prefix)
    }

    fn with_own_flags(&self, command: Command) -> Command {
        let help = format!("YAML file with settings [env: {}]", self.config_variable());
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .help(help)
            .value_parser(PathBufValueParser::new())
            .global(true);
        let print = Arg::new(PRINT_CONFIG)
            .long(PRINT_CONFIG)
            .value_name("FORMAT")
            .help("Print every setting and where it came from, and leave")
            .value_parser(PossibleValuesParser::new(["table", "json"]))
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("table")
            .global(true);
        command.arg(config).arg(print)
    }

    fn file(&self, look: &ArgMatches) -> Result<Vec<Entry>, ConfigError> {
        if let Some(path) = look.get_one::<PathBuf>(CONFIG) {
            return file::read(path, "--config");
        }
        let variable = self.config_variable();
        if let Some(path) = self.environment.get(&variable) {
            return file::read(Path::new(&path), &variable);
        }
        match &self.default_file {
            // Only "there is none" is fine; one that may not be read is not.
            Some(path) => match file::read(path, "the default path") {
                Err(ConfigError::ReadFile { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    Ok(Vec::new())
                }
                read => read,
            },
            None => Ok(Vec::new()),
        }
    }
}

/// The subcommands that were called, outermost first, each with its matches.
fn levels(matches: &ArgMatches) -> impl Iterator<Item = (&str, &ArgMatches)> {
    std::iter::successors(matches.subcommand(), |(_, inner)| inner.subcommand())
}

fn sources(
    registry: &Registry,
    injected: &HashMap<usize, Injected>,
    matches: &ArgMatches,
) -> Settings {
    let mut settings = Vec::new();
    let mut add = |path: &[String], matches: &ArgMatches| {
        for (index, slot) in registry.slots.iter().enumerate() {
            if slot.command == path && slot.env.is_some() {
                settings.push(setting(slot, injected.get(&index), matches));
            }
        }
    };
    let mut path = Vec::new();
    add(&path, matches);
    for (name, matches) in levels(matches) {
        path.push(name.to_owned());
        add(&path, matches);
    }
    Settings(settings)
}

fn setting(slot: &Slot, injected: Option<&Injected>, matches: &ArgMatches) -> Setting {
    let source = match (matches.value_source(&slot.id), injected) {
        (Some(ValueSource::DefaultValue), Some(injected)) => injected.origin.clone(),
        (Some(ValueSource::DefaultValue) | None, _) => Source::Default,
        (Some(_), _) => Source::Flag,
    };
    let value = matches.get_raw(&slot.id).map(|values| {
        let texts: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        if slot.secret {
            REDACTED.to_owned()
        } else {
            texts.join(",")
        }
    });
    Setting {
        key: slot.key.clone(),
        value,
        source,
    }
}
