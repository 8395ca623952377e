//! `sendry-operator`: what `SendryTenant` and `SendryPipeline` ask for, made so and kept so.

use std::process::ExitCode;

/// Much less memory under many small allocations than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sendry_operator::cli::main(sendry_operator::assemble::assemble())
}
