//! Generated files: committed, so that a reader and the dashboard's build need no generator, and checked for drift.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, bail};
use clap::Args;

use super::format::need_node;
use crate::{
    dashboard,
    process::{capture, cargo, line, say},
    tree,
};

/// The API's document.
const OPENAPI: &str = "analytics/openapi.json";
/// The types made from it.
const TYPES: &str = "dashboard/src/api/__generated__/schema.ts";

/// `cargo xtask generate`
#[derive(Clone, Copy, Debug, Args)]
pub struct GenerateArgs {
    /// Write nothing; fail where a file differs from what would be written
    #[arg(long)]
    check: bool,
    /// Leave the dashboard's types: no Node needed
    #[arg(long)]
    rust: bool,
}

/// Writes or checks the generated files.
///
/// # Errors
/// When a generator fails, or a file has drifted.
pub fn run(args: GenerateArgs) -> anyhow::Result<()> {
    openapi(args.check)?;
    definitions(args.check)?;
    if args.rust {
        return Ok(());
    }
    need_node("types")?;
    dashboard::install()?;
    dashboard_types(args.check)
}

/// `analytics/openapi.json`, as `sendry openapi` prints it.
pub(super) fn openapi(check: bool) -> anyhow::Result<()> {
    let mut command = cargo(["run", "--quiet", "--package", "sendry", "--", "openapi"]);
    say(&format!("$ {}", line(&command)));
    let text = format!("{}\n", capture(&mut command)?.trim_end());
    let path = tree::root().join(OPENAPI);
    let stands = fs::read_to_string(&path).unwrap_or_default();
    settle(OPENAPI, stands == text, check, || fs::write(&path, text))
}

/// Definitions of the custom resources and their reference, as the crate of their types makes them.
pub(super) fn definitions(check: bool) -> anyhow::Result<()> {
    let mut command = cargo([
        "run",
        "--quiet",
        "--package",
        "sendry-crds",
        "--example",
        "generate",
    ]);
    say(&format!("$ {}", line(&command)));
    let files: BTreeMap<String, String> = serde_json::from_str(&capture(&mut command)?)
        .context("failed to read what the generator of the definitions printed")?;
    for (name, text) in files {
        let path = tree::root().join(&name);
        let stands = fs::read_to_string(&path).unwrap_or_default();
        settle(&name, stands == text, check, || fs::write(&path, text))?;
    }
    Ok(())
}

/// The dashboard's types, by its own script: the one place that knows how. A check puts back what stood there.
pub(super) fn dashboard_types(check: bool) -> anyhow::Result<()> {
    if !tree::root().join(OPENAPI).exists() {
        bail!("{OPENAPI} is missing (`cargo xtask generate` writes it)");
    }
    let path = tree::root().join(TYPES);
    let stood = fs::read(&path).ok();
    dashboard::npm(&["run", "--silent", "generate"])?;
    let made = fs::read(&path).with_context(|| format!("`npm run generate` wrote no {TYPES}"))?;
    let same = stood.as_ref() == Some(&made);
    if check && !same {
        match stood {
            Some(bytes) => fs::write(&path, bytes)?,
            None => fs::remove_file(&path)?,
        }
    }
    settle(TYPES, same, check, || Ok(()))
}

fn settle(
    name: &str,
    same: bool,
    check: bool,
    write: impl FnOnce() -> std::io::Result<()>,
) -> anyhow::Result<()> {
    match (same, check) {
        (true, _) => say(&format!("{name} is what its generator writes")),
        (false, true) => {
            bail!("{name} is stale (run `cargo xtask generate` and commit what it writes)")
        }
        (false, false) => {
            write().with_context(|| format!("failed to write {name}"))?;
            say(&format!("wrote {name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_fails_a_check_with_the_command_that_mends_it() {
        let error = settle(OPENAPI, false, true, || panic!("a check writes nothing")).unwrap_err();
        assert!(
            error.to_string().contains("`cargo xtask generate`"),
            "{error}"
        );
        settle(OPENAPI, true, true, || panic!("nothing to write")).unwrap();
        let mut wrote = false;
        settle(OPENAPI, false, false, || {
            wrote = true;
            Ok(())
        })
        .unwrap();
        assert!(wrote);
    }
}
