//! The answer to a probe, in the style of the Kubernetes API server.

use std::borrow::Cow;
use std::fmt;

/// One component's line of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The component.
    pub name: Cow<'static, str>,
    /// Why it failed, or `None`.
    pub failure: Option<Cow<'static, str>>,
    /// Whether its failure fails the report.
    pub required: bool,
}

impl Check {
    pub(super) fn passed(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            failure: None,
            required: true,
        }
    }

    pub(super) fn failed(
        name: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
        required: bool,
    ) -> Self {
        Self {
            name: name.into(),
            failure: Some(reason.into()),
            required,
        }
    }
}

/// What `/livez` or `/readyz` answers. Its `Display` is the verbose text: a line per component,
/// `[+]queue ok` or `[-]queue failed: no connection`, and a line with the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    probe: &'static str,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(probe: &'static str, checks: Vec<Check>) -> Self {
        Self { probe, checks }
    }

    /// Whether no required component failed.
    #[must_use]
    pub fn ok(&self) -> bool {
        !self
            .checks
            .iter()
            .any(|check| check.required && check.failure.is_some())
    }

    /// One entry a component, in order of registration.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check {
            name,
            failure,
            required,
        } in &self.checks
        {
            match failure {
                None => writeln!(f, "[+]{name} ok")?,
                Some(reason) if *required => writeln!(f, "[-]{name} failed: {reason}")?,
                Some(reason) => writeln!(f, "[-]{name} failed: {reason} (informational)")?,
            }
        }
        let verdict = if self.ok() { "passed" } else { "failed" };
        writeln!(f, "{} check {verdict}", self.probe)
    }
}
