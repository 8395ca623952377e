//! The settings that a clap command declares, and putting values into them.

use std::collections::HashMap;
use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{Arg, Command};

use super::environment::Environment;
use super::error::ConfigError;
use super::file::Entry;
use super::nearest::nearest;
use super::slot::Slot;
use super::sources::Source;

/// A value for a slot that did not come from the command line.
#[derive(Debug)]
pub(super) struct Injected {
    pub(super) values: Vec<OsString>,
    pub(super) origin: Source,
}

/// Every setting of a process.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) slots: Vec<Slot>,
    commands: Vec<Vec<String>>,
}

impl Registry {
    pub(super) fn of(command: &Command, env_prefix: &str) -> Self {
        let mut registry = Self {
            slots: Vec::new(),
            commands: Vec::new(),
        };
        registry.collect(command, &[], env_prefix);
        registry
    }

    fn collect(&mut self, command: &Command, path: &[String], env_prefix: &str) {
        self.commands.push(path.to_owned());
        self.slots.extend(
            command
                .get_arguments()
                .filter_map(|arg| Slot::of(arg, path, env_prefix)),
        );
        for subcommand in command.get_subcommands() {
            let path: Vec<String> = path
                .iter()
                .cloned()
                .chain([subcommand.get_name().to_owned()])
                .collect();
            self.collect(subcommand, &path, env_prefix);
        }
    }

    /// What the environment and the file say, by slot; the environment wins.
    pub(super) fn inject(
        &self,
        environment: &Environment,
        file: &[Entry],
    ) -> Result<HashMap<usize, Injected>, ConfigError> {
        let mut injected = self.file_values(file)?;
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(name) = &slot.env else { continue };
            if let Some(value) = environment.get(name) {
                let origin = Source::Env(name.clone());
                let values = vec![slot.normal(value, &origin)?];
                injected.insert(index, Injected { values, origin });
            }
        }
        Ok(injected)
    }

    fn file_values(&self, file: &[Entry]) -> Result<HashMap<usize, Injected>, ConfigError> {
        // By slot: how deep the section was that the entry was found in, and the entry.
        let mut found: HashMap<usize, (usize, &Entry)> = HashMap::new();
        for entry in file {
            let (depth, slots) = self.resolve(&[], &entry.path);
            if slots.is_empty() {
                return Err(self.unknown(entry));
            }
            for index in slots {
                match found.get(&index) {
                    Some((other, first)) if *other == depth => {
                        return Err(ConfigError::DuplicateKey {
                            key: self.slots[index].key.clone(),
                            first: first.place.clone(),
                            place: entry.place.clone(),
                        });
                    }
                    Some((deeper, _)) if *deeper > depth => {}
                    _ => {
                        found.insert(index, (depth, entry));
                    }
                }
            }
        }
        let inject = |(index, (_, entry)): (usize, (usize, &Entry))| {
            let slot = &self.slots[index];
            let origin = Source::File(entry.place.path.clone());
            if entry.values.len() != 1 && !slot.list {
                let key = slot.key.clone();
                let place = entry.place.clone();
                return Err(ConfigError::NotAValue {
                    key,
                    place,
                    found: "a list",
                });
            }
            let values = entry
                .values
                .iter()
                .map(|value| slot.normal(value.into(), &origin));
            Ok((
                index,
                Injected {
                    values: values.collect::<Result<_, _>>()?,
                    origin,
                },
            ))
        };
        found.into_iter().map(inject).collect()
    }

    /// The slots an entry of the file is for, and how deep a section they were found in: a
    /// subcommand's section first, then a flag of this command, then that flag of every
    /// subcommand.
    fn resolve(&self, scope: &[String], path: &[String]) -> (usize, Vec<usize>) {
        if let [section, rest @ ..] = path
            && !rest.is_empty()
        {
            let inner: Vec<String> = scope.iter().chain([section]).cloned().collect();
            if self.commands.contains(&inner) {
                let (depth, slots) = self.resolve(&inner, rest);
                if !slots.is_empty() {
                    return (depth, slots);
                }
            }
        }
        let key = path.join("-");
        let matching = |own: bool| {
            let slots = self.slots.iter().enumerate().filter(|(_, slot)| {
                let here = slot.command.starts_with(scope);
                here && (slot.command.len() == scope.len()) == own
                    && slot.key == key
                    && slot.env.is_some()
            });
            slots.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let own = matching(true);
        (
            scope.len(),
            if own.is_empty() { matching(false) } else { own },
        )
    }

    fn unknown(&self, entry: &Entry) -> ConfigError {
        let key = entry.path.join("-");
        let settable = || self.slots.iter().filter(|slot| slot.env.is_some());
        let known = settable().map(|slot| slot.key.as_str());
        // In a subcommand's section, the section is no part of the slip.
        let last = entry.path.last().map_or("", String::as_str);
        let suggestion = nearest(&key, known.clone()).or_else(|| nearest(last, known));
        let suggestion = suggestion.map(str::to_owned);
        ConfigError::UnknownKey {
            key,
            place: entry.place.clone(),
            suggestion,
        }
    }

    /// The command with its variables named in `--help`, without their values.
    pub(super) fn documented(&self, command: Command) -> Command {
        self.each(command, &[], &|slot, arg| match &slot.env {
            Some(name) => arg.env(name).hide_env_values(true),
            None => arg,
        })
    }

    /// The command with `values` in place of its defaults.
    pub(super) fn with_values(
        &self,
        command: Command,
        values: &HashMap<usize, Injected>,
    ) -> Command {
        let by_slot: HashMap<(&[String], &str), &Injected> = values
            .iter()
            .map(|(index, injected)| {
                let slot = &self.slots[*index];
                ((slot.command.as_slice(), slot.id.as_str()), injected)
            })
            .collect();
        self.each(command, &[], &|slot, arg| {
            // clap must not read the environment past ours.
            let arg = arg.env(Resettable::Reset);
            match by_slot.get(&(slot.command.as_slice(), slot.id.as_str())) {
                Some(injected) => arg
                    .required(false)
                    .default_values(injected.values.clone())
                    .hide_default_value(slot.secret),
                None => arg,
            }
        })
    }

    fn each(
        &self,
        command: Command,
        path: &[String],
        change: &dyn Fn(&Slot, Arg) -> Arg,
    ) -> Command {
        let names: Vec<String> = command
            .get_subcommands()
            .map(|sub| sub.get_name().to_owned())
            .collect();
        let command = command.mut_args(|arg| {
            let of = |slot: &&Slot| slot.command == path && slot.id == arg.get_id().as_str();
            match self.slots.iter().find(of) {
                Some(slot) => change(slot, arg),
                None => arg,
            }
        });
        names.into_iter().fold(command, |command, name| {
            let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
            command.mut_subcommand(name, |sub| self.each(sub, &path, change))
        })
    }
}
