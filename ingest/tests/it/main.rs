//! The HTTP contract of ingest, on real SQLite files, with faults put between ingest and them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod bodies;
//NOTYET mod breaker;
mod client;
mod control_away;
mod faults_control;
mod faults_queue;
mod fields;
//NOTYET mod garbage;
//NOTYET mod grouping;
mod happy;
mod harness;
mod keys;
mod kinds;
mod new_keys;
//NOTYET mod queue_faults;
//NOTYET mod rates;
//NOTYET mod retries;
mod services;
//NOTYET mod slow;
//NOTYET mod wire;
