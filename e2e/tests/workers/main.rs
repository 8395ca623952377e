//! Workers as an operator runs them: by the file and the variables that it renders, under a broker's user that may read
//! one queue and nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests: a surprise should fail the test where it happens, and what was measured is to be read"
)]

mod config;
mod leaving;
mod platform;
