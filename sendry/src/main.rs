//! The `sendry` command.

use std::process::ExitCode;

/// Much lower latency under many small allocations than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sendry::cli::main()
}
