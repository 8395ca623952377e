//! The HTTP contract of ingest, on real SQLite files, with faults put between ingest and them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod bodies;
mod breaker;
mod client;
mod control_away;
mod faults_control;
mod faults_queue;
mod fields;
mod garbage;
mod grouping;
mod happy;
mod harness;
mod keys;
mod kinds;
mod new_keys;
mod queue_faults;
mod rates;
mod retries;
mod services;
mod slow;
mod wire;
