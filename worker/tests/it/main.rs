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
mod faulty;
mod harness;
mod janitor;
mod junk;
mod keeper;
mod panics;
mod poison;
mod raw_refused;
mod replayed;
mod running;
mod stopping;
