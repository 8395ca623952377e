//! `sendry-worker`: counts what comes to the queues, exactly once.

use std::process::ExitCode;

use sendry_worker::{cli::Cli, run::run};

/// Much less memory under many small allocations than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sendry_runtime::process::main(|Cli { log, args }| (log, args), run)
}
