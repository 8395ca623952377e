//! Arguments, and where each command begins.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use sendry_runtime::{config::Loader, error_chain::chain, telemetry::LogArgs};

use sendry_analytics::run::AnalyticsArgs;
use sendry_ingest::run::IngestArgs;
use sendry_worker::run::WorkerArgs;

use crate::{
    import::ImportArgs, keys::KeysArgs, migrate::MigrateArgs, pipelines::PipelinesArgs,
    scaling::ScalingArgs, tenants::TenantsArgs, up::UpArgs,
};

/// Watch your APIs without slowing, breaking or misreporting them
///
/// Start with `sendry up --demo`, then open the address it prints.
#[derive(Debug, Parser)]
#[command(name = "sendry", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process: ingest, workers, analytics and the dashboard, on SQLite
    Up(Box<UpArgs>),
    /// Run ingest alone: events over HTTP into RabbitMQ
    Ingest(Box<IngestArgs>),
    /// Run workers or keepers alone: from RabbitMQ into PostgreSQL and MongoDB
    Worker(Box<WorkerArgs>),
    /// Run the analytics API and the dashboard alone
    Analytics(Box<AnalyticsArgs>),
    /// Bring the schemas of PostgreSQL and MongoDB up to this build
    Migrate(Box<MigrateArgs>),
    /// Send an access log to a running Sendry as history
    Import(Box<ImportArgs>),
    /// Make, list, limit and suspend tenants
    Tenants(TenantsArgs),
    /// Make, list and retire a tenant's pipelines
    Pipelines(PipelinesArgs),
    /// Make, list and revoke API keys
    Keys(KeysArgs),
    /// Try the autoscaler on a load, without a cluster
    Scaling(ScalingArgs),
    /// Print the analytics API's OpenAPI document
    Openapi,
}

/// Where a data folder is, shared by the commands that need one.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// Folder of queue.db, store.db and credentials.json; made if it does not exist
    #[arg(long, value_name = "DIR", default_value = "sendry-data")]
    pub data: PathBuf,
}

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let loaded = match Loader::new("SENDRY").load::<Cli>(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(error) => return error.report(),
    };
    if let Some(settings) = loaded.to_print() {
        return print(&settings);
    }
    let Cli { log, command } = loaded.value;
    if let Err(error) = log.init() {
        return fail(&error);
    }
    let outcome = match command {
        Command::Up(args) => crate::up::run(*args),
        Command::Ingest(args) => sendry_ingest::run::run(*args),
        Command::Worker(args) => sendry_worker::run::run(*args),
        Command::Analytics(args) => {
            sendry_analytics::run::run(*args, Some(crate::dashboard::router))
        }
        Command::Migrate(args) => crate::migrate::run(*args),
        Command::Tenants(args) => crate::tenants::run(args),
        Command::Pipelines(args) => crate::pipelines::run(args),
        Command::Import(args) => crate::import::run(*args),
        Command::Keys(args) => crate::keys::run(args),
        Command::Scaling(args) => crate::scaling::run(args),
        Command::Openapi => return print(sendry_analytics::openapi_json().trim_end()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.as_ref()),
    }
}

/// Prints a document; a closed pipe (`| head`) is no failure.
fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(&error),
        _ => ExitCode::SUCCESS,
    }
}

/// The one place where a command's error is told.
fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("sendry: {}", chain(error));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
