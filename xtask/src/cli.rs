//! Arguments, and which verb each command is.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::verbs::{bench, cluster, e2e, format, generate, images, pictures, services, test, up};

/// One verb for each habit of the project
///
/// Everything works on a fresh clone; what a verb needs, it sets up or names.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Build everything and run `sendry up`: the whole platform on this machine
    ///
    /// Builds the dashboard if Node is there and its sources have changed, builds `sendry` in release, and runs
    /// `sendry up` with the arguments given, in this folder: `cargo xtask up --demo`.
    Up(Passed),
    /// Build the dashboard into dashboard/dist, if its sources have changed
    Dashboard,
    /// Run every check that CI runs; green here is green there
    ///
    /// Dashboard: npm ci, lint, types' drift, tests, build. Rust: format, architecture, clippy, tests, doc tests,
    /// drift of generated files. The last line is `N passed, N failed`, in steps.
    Test(test::TestArgs),
    /// Check format, architecture and lints, without running tests
    Lint(format::LintArgs),
    /// Format the Rust and dashboard sources
    Fmt,
    /// Write the generated files: analytics/openapi.json and the dashboard's types
    Generate(generate::GenerateArgs),
    /// The real servers that tests use: RabbitMQ, PostgreSQL, one that speaks MongoDB's protocol, Kubernetes
    ///
    /// A server whose variable is set (SENDRY_TEST_AMQP_URL with SENDRY_TEST_RABBITMQ_MANAGEMENT_URL,
    /// SENDRY_TEST_POSTGRES_URL, SENDRY_TEST_MONGODB_URL, SENDRY_TEST_KUBECONFIG) is neither installed nor started.
    /// `cargo xtask test` starts what does not run, and stops it at its end.
    Services(services::ServicesArgs),
    /// A Kubernetes cluster of one node that runs pods, for `kubectl` and `helm`
    ///
    /// As root on Debian, with Go, and without Docker: containerd and runc from Debian, the rest built from Go modules the
    /// first time, in minutes. The node has network, mounts and processes of its own, and leaves nothing on the machine
    /// when it goes. Each checkout has its own. `cargo xtask cluster up`, then `cargo xtask images --load`.
    Cluster(cluster::ClusterArgs),
    /// Make the images of containers, without Docker: an archive of each in target/images
    ///
    /// operator, ingest, worker, analytics (the API alone) and cli (`sendry`: the dashboard, schemas, tenants). `docker load`
    /// reads them, too; the Dockerfile makes the same from nothing.
    Images(images::ImagesArgs),
    /// Measure: `cargo xtask bench` lists what can be measured
    Bench(Passed),
    /// Kill workers, ingests, RabbitMQ, PostgreSQL and the MongoDB server under load; the oracle counts what is lost or doubled
    ///
    /// About half an hour, unless told otherwise (`cargo xtask chaos --help`). The laptop's one process is killed by
    /// `cargo xtask bench kill`.
    Chaos(Passed),
    /// Install Sendry on a cluster of one node by its chart, and play a story: install, events, scaling, killing, draining
    ///
    /// One page, a line or two for each step; the oracle judges every event. Eleven minutes or so; CI runs it at the end of
    /// `cargo xtask test`.
    E2e(e2e::E2eArgs),
    /// Take a picture of a page, in the system's Chromium
    Screenshot(ScreenshotArgs),
}

/// Arguments passed on as they are.
#[derive(Debug, Args)]
struct Passed {
    /// Passed on as they stand
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    args: Vec<OsString>,
}

#[derive(Debug, Args)]
struct ScreenshotArgs {
    /// Address of the page, such as http://127.0.0.1:8080
    url: String,
    /// PNG file to write
    out: PathBuf,
    /// More for the script: --dark, --full, --hover, --width W, --height H, --click NAME
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    args: Vec<OsString>,
}

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Up(Passed { args }) => up::up(&args)?,
        Verb::Dashboard => up::dashboard()?,
        Verb::Test(args) => return Ok(test::run(args)),
        Verb::Lint(args) => return Ok(format::lint(args)),
        Verb::Fmt => format::fmt()?,
        Verb::Generate(args) => generate::run(args)?,
        Verb::Services(args) => services::run(args)?,
        Verb::Cluster(args) => cluster::run(&args)?,
        Verb::E2e(args) => e2e::run(args)?,
        Verb::Images(args) => images::run(&args)?,
        Verb::Bench(Passed { args }) => bench::bench(&args)?,
        Verb::Chaos(Passed { args }) => bench::chaos(&args)?,
        Verb::Screenshot(ScreenshotArgs { url, out, args }) => {
            pictures::screenshot(&url, &out, &args)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_for_sendry_are_passed_on_as_they_stand() {
        let Verb::Up(Passed { args }) =
            Cli::parse_from(["xtask", "up", "--demo", "--listen", "[::1]:0"]).verb
        else {
            panic!("not `up`");
        };
        assert_eq!(args, ["--demo", "--listen", "[::1]:0"]);
    }
}
