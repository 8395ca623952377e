//! Is there a Node that can build and test the dashboard?

use std::{fmt, process::Command};

/// The oldest Node that works; `engines` in dashboard/package.json says the same.
pub const NODE: Version = Version(20, 19);
/// The oldest npm that works: the one that came with it.
pub const NPM: Version = Version(10, 0);

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Version {
    /// From `v20.20.2` or `10.8.2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split('.');
        Some(Self(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }
}

/// Why the dashboard cannot be built here, as half a sentence.
///
/// # Errors
/// When Node or npm is missing or too old.
pub fn check() -> Result<(), String> {
    judge(ask("node"), ask("npm"))
}

fn judge(node: Option<Version>, npm: Option<Version>) -> Result<(), String> {
    match (node, npm) {
        (None, _) => Err("`node` was not found".to_owned()),
        (Some(node), _) if node < NODE => Err(format!("`node` is {node}")),
        (_, None) => Err("`npm` was not found".to_owned()),
        (_, Some(npm)) if npm < NPM => Err(format!("`npm` is {npm}, and {NPM} is needed")),
        _ => Ok(()),
    }
}

fn ask(program: &str) -> Option<Version> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Version::parse(&String::from_utf8(output.stdout).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(Version::parse("v20.20.2\n"), Some(Version(20, 20)));
        assert!(Version::parse("v20.9.0").unwrap() < NODE);
        assert!(Version::parse("v22.0.0").unwrap() > NODE);
        assert_eq!(Version::parse("nonsense"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(
            judge(None, None)
                .unwrap_err()
                .contains("`node` was not found")
        );
        assert!(
            judge(Some(Version(18, 20)), None)
                .unwrap_err()
                .contains("`node` is 18.20")
        );
        assert!(
            judge(Some(NODE), None)
                .unwrap_err()
                .contains("`npm` was not found")
        );
        assert!(
            judge(Some(NODE), Some(Version(8, 1)))
                .unwrap_err()
                .contains("`npm` is 8.1")
        );
        assert_eq!(judge(Some(NODE), Some(NPM)), Ok(()));
    }

    #[test]
    fn the_dashboard_asks_for_the_same_node() {
        let package = std::fs::read_to_string(tree::root().join("dashboard/package.json")).unwrap();
        assert!(package.contains(&format!("\"node\": \">={NODE}\"")));
    }
}
