//! Every setting with its value and where that came from.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

use serde::Serialize;

/// Where a setting's value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Source {
    /// The command line.
    Flag,
    /// This environment variable.
    Env(String),
    /// This configuration file.
    File(PathBuf),
    /// The built-in default, or nothing.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The long flag's name.
    pub key: String,
    /// Its value as text, lists joined with commas, secrets as `•••`; `None` is not set.
    pub value: Option<String>,
    /// Where it came from.
    pub source: Source,
}

/// All settings of a process, in the order of `--help`.
///
/// `Display` is a table with aligned columns for `--print-config`; serialised, it is a list of
/// objects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Settings(pub(super) Vec<Setting>);

impl Settings {
    /// The setting with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.key == key)
    }

    /// The JSON form, indented.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts only: there is nothing in it that JSON cannot say.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Deref for Settings {
    type Target = [Setting];

    fn deref(&self) -> &[Setting] {
        &self.0
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |setting: &Setting| setting.value.clone().unwrap_or_else(|| "-".to_owned());
        let rows = self.0.iter().map(|setting| {
            [
                setting.key.clone(),
                value(setting),
                setting.source.to_string(),
            ]
        });
        let head = ["SETTING", "VALUE", "SOURCE"].map(str::to_owned);
        let rows: Vec<[String; 3]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        };
        let (keys, values) = (width(0), width(1));
        for [key, value, source] in &rows {
            writeln!(f, "{key:keys$}  {value:values$}  {source}")?;
        }
        Ok(())
    }
}
