//! `sendry`, as `sendry/src/main.rs` makes it.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sendry::cli::main()
}
