//! The command line.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use sendry_runtime::telemetry::LogArgs;

use crate::run::{Assemble, OperatorArgs, run};

/// Make so, and keep so, what SendryTenant and SendryPipeline ask for
#[derive(Debug, Parser)]
#[command(name = "sendry-operator", version)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run until a signal; any number may, of which one leads
    Run(Box<OperatorArgs>),
    /// Print the CustomResourceDefinitions, for `kubectl apply -f -`
    Crd,
}

/// The whole of `main`; `assemble` makes what does the work.
pub fn main(assemble: Assemble) -> ExitCode {
    sendry_runtime::process::main(
        |Cli { log, verb }| (log, verb),
        |verb| match verb {
            Verb::Run(args) => run(*args, assemble),
            Verb::Crd => print_crds(),
        },
    )
}

fn print_crds() -> anyhow::Result<()> {
    let yaml = sendry_crds::yaml().context("failed to write the CustomResourceDefinitions")?;
    // A closed pipe (`| head`) is no failure.
    let _ = io::stdout().write_all(yaml.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
