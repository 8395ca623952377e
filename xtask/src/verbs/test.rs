//! Everything that has to hold before a change lands.

use std::process::ExitCode;

use clap::Args;
use sendry_servers::{
    install::{self, Part},
    machine, shared,
};

use super::{
    e2e::{self, E2eArgs},
    format::{need_node, rust_steps},
    generate,
};
use crate::{
    dashboard,
    process::{self, cargo, say},
    steps::Steps,
};

/// `cargo xtask test`
#[derive(Clone, Copy, Debug, Args)]
pub struct TestArgs {
    /// Only the Rust half: no Node needed
    #[arg(long)]
    rust: bool,
    /// Only the dashboard half: no Rust is compiled
    #[arg(long)]
    dashboard: bool,
    /// Leave out what takes long: the dashboard's build, integration and doc tests, drift of generated files
    #[arg(long)]
    fast: bool,
    /// Run the other steps and tests, too, after one has failed
    #[arg(long)]
    keep_going: bool,
}

/// Runs the steps asked for.
#[must_use]
pub fn run(args: TestArgs) -> ExitCode {
    let TestArgs {
        rust,
        dashboard,
        fast,
        keep_going,
    } = args;
    let both = rust == dashboard;
    let mut steps = Steps::new(keep_going);
    // The dashboard goes first: the binary that the Rust tests start embeds what it built.
    if dashboard || both {
        dashboard_steps(&mut steps, fast);
    }
    if rust || both {
        let mut servers = None;
        steps.run("servers", || {
            servers = Some(shared::lease(&say)?);
            // Where it cannot be installed, the test that starts one says so.
            if machine::is_root() && machine::is_debian() {
                install::install(&[Part::Kubernetes, Part::Node], &say)?;
            }
            Ok(())
        });
        rust_steps(&mut steps);
        rust_tests(&mut steps, fast, keep_going);
        // Also after a failure.
        if let Some(Err(error)) = servers.map(|lease| lease.end(&say)) {
            say(&format!("servers: some were not stopped: {error:#}"));
        }
    }
    steps.finish()
}

fn dashboard_steps(steps: &mut Steps, fast: bool) {
    steps.run("dashboard packages", || {
        need_node("tests")?;
        dashboard::install()
    });
    steps.run("dashboard lint", || dashboard::npm(&["run", "lint"]));
    if !fast {
        steps.run("dashboard types", || generate::dashboard_types(true));
    }
    steps.run("dashboard tests", || dashboard::npm(&["run", "test"]));
    if !fast {
        steps.run("dashboard build", || dashboard::npm(&["run", "build"]));
    }
}

fn rust_tests(steps: &mut Steps, fast: bool, keep_going: bool) {
    let tests = |which: &[&str]| {
        let mut command = cargo(["test", "--workspace"]);
        command.args(which);
        if keep_going {
            command.arg("--no-fail-fast");
        }
        process::run(&mut command)
    };
    if fast {
        steps.run("unit tests", || tests(&["--lib"]));
        return;
    }
    steps.run("tests", || {
        tests(&["--lib", "--bins", "--tests", "--examples"])
    });
    steps.run("doc tests", || tests(&["--doc"]));
    steps.run("openapi.json", || generate::openapi(true));
    steps.run("pods", || e2e::run(E2eArgs::default()));
}
