//! Running other programs: what is run is said, and a failure says what to do.

use std::{
    ffi::OsStr,
    io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, anyhow, bail};

use crate::tree;

/// A line for the person who runs the verb.
#[expect(
    clippy::print_stdout,
    reason = "the one place; `println!` so that tests capture it"
)]
pub fn say(text: &str) {
    println!("{text}");
}

/// `cargo`, at the root of the workspace.
#[must_use]
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(tree::root());
    command
}

/// `cargo run --release -p <package> --`, in the caller's folder, so that relative paths mean what they say.
#[must_use]
pub fn cargo_run(package: &str) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--release", "--manifest-path"])
        .arg(tree::root().join("Cargo.toml"))
        .args(["--package", package, "--"]);
    command
}

/// A program in `folder`.
#[must_use]
pub fn program(name: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(folder);
    command
}

/// Runs to the end, with its output going where ours goes.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    say(&format!("$ {}", line(command)));
    let status = command
        .status()
        .map_err(|error| not_started(command, &error))?;
    if !status.success() {
        bail!(
            "`{}` failed ({status}); what it said stands above",
            line(command)
        );
    }
    Ok(())
}

/// Runs to the end and returns what it printed.
///
/// # Errors
/// When it cannot be started, does not succeed, or prints no UTF-8.
pub fn capture(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({}); what it said stands above",
            line(command),
            output.status
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed no UTF-8", line(command)))
}

/// Becomes the program: signals reach it directly and its exit code is ours.
///
/// # Errors
/// When it cannot be started; otherwise this does not return.
pub fn become_program(command: &mut Command) -> anyhow::Result<()> {
    say(&format!("$ {}", line(command)));
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(command);
    #[cfg(not(unix))]
    let error = match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    };
    Err(not_started(command, &error))
}

/// A command as it would be typed, near enough to be read.
#[must_use]
pub fn line(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

fn not_started(command: &Command, error: &io::Error) -> anyhow::Error {
    let name = command.get_program().to_string_lossy();
    if error.kind() == io::ErrorKind::NotFound {
        anyhow!("`{name}` was not found (install it, or add its folder to PATH)")
    } else {
        anyhow!("failed to start `{name}`: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_failure_names_the_command() {
        let error = run(&mut program("false", tree::root(), &["really"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`false really` failed"), "{error}");
    }

    #[test]
    fn a_missing_program_says_so() {
        let error = capture(&mut program("no-such-program", tree::root(), &[]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`no-such-program` was not found"), "{error}");
    }
}
