//! The environment as a value, so that tests choose theirs.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Where environment variables are read from.
#[derive(Debug, Clone)]
pub struct Environment(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Process,
    Fixed(BTreeMap<String, OsString>),
}

impl Environment {
    /// This process's own.
    #[must_use]
    pub fn process() -> Self {
        Self(Kind::Process)
    }

    /// Exactly these variables.
    #[must_use]
    pub fn fixed<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<OsString>,
    {
        let pairs = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(Kind::Fixed(pairs.collect()))
    }

    /// The variable's value; an empty one counts as none, for `NAME=` is how compose files and
    /// charts write "not set".
    #[must_use]
    pub fn get(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            Kind::Process => process_variable(name),
            Kind::Fixed(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one door to the environment: whoever comes through the loader is told where a value came from"
)]
fn process_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
