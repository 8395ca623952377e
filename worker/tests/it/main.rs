//! The worker on real SQLite files, with faults put between it and its stores.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod away;
mod blind;
mod breaker;
mod counting;
mod faults;
mod harness;
mod janitor;
mod junk;
mod keeper;
mod poison;
mod raw_refused;
mod stopping;
