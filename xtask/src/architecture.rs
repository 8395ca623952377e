//! The rules of `docs/ARCHITECTURE.md` that no compiler and no lint knows, each a function of the files in the tree.
//!
//! Rules are told as absences, and a finding says where, what and what to do. Each has a test beside it that shows how it
//! fails; `tests/architecture.rs` runs them on the tree.

mod addresses;
mod arrows;
mod clocks;
mod docs;
mod drivers;
mod files;
mod manifest;
mod paths;
mod purity;
mod source;
mod words;

use std::fmt;

use crate::tree::Tree;

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// As a sentence.
    pub says: &'static str,
    find: fn(&Tree) -> Vec<Finding>,
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, from the root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
    /// What to do about it.
    pub cure: &'static str,
}

impl Rule {
    /// All places that break it.
    #[must_use]
    pub fn check(&self, tree: &Tree) -> Vec<Finding> {
        (self.find)(tree)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            what,
            cure,
        } = self;
        write!(f, "{file}:{line}: {what}\n    {cure}")
    }
}

macro_rules! rules {
    ($($name:ident: $says:literal = $find:path;)*) => {
        $(
            #[doc = $says]
            pub const $name: Rule = Rule { says: $says, find: $find };
        )*
        /// All of them.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    DRIVERS: "only modules under `adapters/` name a database or broker library" = drivers::find;
    ARROWS: "crates use each other only along the arrows of the architecture" = arrows::find;
    PURITY: "nothing in `domain` is async, does IO or reads a clock" = purity::find;
    CLOCKS: "no SQL reads a clock" = clocks::find;
    LENGTH: "no source file has more than 500 lines" = files::too_long;
    MODULES: "no module is a `mod.rs`" = files::mod_rs;
    WORDS: "nothing is left open, and no test is left out" = words::find;
    LOCK: "package-lock.json holds no addresses" = addresses::lock;
    ADDRESSES: "no file names a package host or a folder of one machine" = addresses::find;
    DOCS: "no document names a file that is not there" = docs::find;
    LINTS: "every crate takes the workspace's lints" = arrows::lints;
}

/// A small tree and what a rule finds in it, as `file:line`.
#[cfg(test)]
fn places(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let findings = rule.check(&Tree::of(files));
    assert!(
        findings
            .iter()
            .all(|finding| !finding.what.is_empty() && !finding.cure.is_empty())
    );
    findings
        .iter()
        .map(|finding| format!("{}:{}", finding.file, finding.line))
        .collect()
}
