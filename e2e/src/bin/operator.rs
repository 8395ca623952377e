//! `sendry-operator`, as `operator/src/main.rs` makes it.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sendry_operator::cli::main(sendry_operator::assemble::assemble())
}
