//! Would the oracle notice? The same evening of crashes, retries and duplicates is played once with the product as it is,
//! which must be clean, and once for each well-known way to build it wrongly, which must not be.
//!
//! A mutant is a decorator of a port ([`mutants_of_queues`], [`mutants_of_counts`]); no product code is changed. Faults
//! stand below the mutants, at the real queue and stores, so a crash may come between two steps of a mutant, too.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests: a surprise should fail the test where it happens, and verdicts are to be read"
)]

mod client;
mod faults;
mod mutants_of_counts;
mod mutants_of_queues;
mod ports;
mod scenario;
mod stage;
mod verdicts;
