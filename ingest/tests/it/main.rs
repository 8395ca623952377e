//! The HTTP contract of ingest, on real SQLite files, with faults put between ingest and them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod bodies;
mod breaker;
mod changes;
mod client;
mod control_away;
mod faults_control;
mod faults_queue;
mod fields;
mod forms;
mod garbage;
mod grouping;
mod happy;
mod harness;
mod keys;
mod kinds;
mod limits;
mod networks;
mod new_keys;
mod queue_faults;
mod rates;
mod records;
mod retries;
mod senders;
mod services;
mod sharing;
mod sizes;
mod slow;
mod socket;
mod wire;
