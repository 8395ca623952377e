//! `cargo xtask`: one verb for each habit of the project.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
