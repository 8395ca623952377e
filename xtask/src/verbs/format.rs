//! Format and lints.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;

use crate::{
    architecture, dashboard,
    node::{self, NODE},
    process::{cargo, run, say},
    steps::Steps,
    tree::Tree,
};

/// `cargo xtask lint`
#[derive(Clone, Copy, Debug, Args)]
pub struct LintArgs {
    /// Only Rust: no Node needed
    #[arg(long)]
    pub rust: bool,
    /// Run the other checks, too, after one has failed
    #[arg(long)]
    pub keep_going: bool,
}

/// Checks format, architecture and lints.
#[must_use]
pub fn lint(args: LintArgs) -> ExitCode {
    let mut steps = Steps::new(args.keep_going);
    rust_steps(&mut steps);
    if !args.rust {
        steps.run("dashboard lint", || {
            need_node("lint")?;
            dashboard::install()?;
            dashboard::npm(&["run", "lint"])
        });
    }
    steps.finish()
}

/// Format, architecture and clippy, the cheap ones first.
pub(super) fn rust_steps(steps: &mut Steps) {
    steps.run("format", || {
        run(&mut cargo(["fmt", "--all", "--check"]))
            .map_err(|_| anyhow!("some Rust files are not formatted (`cargo xtask fmt` does it)"))
    });
    steps.run("architecture", keeps_the_rules);
    steps.run("clippy", || {
        run(&mut cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "--deny",
            "warnings",
        ]))
    });
}

/// Formats all sources.
///
/// # Errors
/// When a formatter fails.
pub fn fmt() -> anyhow::Result<()> {
    run(&mut cargo(["fmt", "--all"]))?;
    match node::check() {
        Ok(()) => dashboard::install().and_then(|()| dashboard::npm(&["run", "format"])),
        Err(why) => {
            say(&format!(
                "The dashboard's sources were left as they are: {why}."
            ));
            Ok(())
        }
    }
}

/// Node, or one clear sentence.
pub(super) fn need_node(what: &str) -> anyhow::Result<()> {
    node::check().map_err(|why| {
        anyhow!(
            "Node {NODE} or later is needed for the dashboard's {what}: {why} (without it: --rust)"
        )
    })
}

fn keeps_the_rules() -> anyhow::Result<()> {
    let tree = Tree::read();
    let mut count = 0;
    for rule in architecture::RULES {
        let findings = rule.check(&tree);
        count += findings.len();
        for finding in findings {
            say(&finding.to_string());
        }
    }
    match count {
        0 => Ok(()),
        1 => bail!("1 place breaks a rule of docs/ARCHITECTURE.md"),
        _ => bail!("{count} places break rules of docs/ARCHITECTURE.md"),
    }
}
