//! Workers and keepers on a real queue and a real store, with faults put between them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod acts;
mod away;
mod crash;
mod decode;
mod faults_counts;
mod faults_queue;
mod faults_raw;
mod fleet;
mod harness;
mod janitor;
mod keeper;
mod owed;
mod panics;
mod pipeline;
mod poison;
mod queued;
mod recovery;
mod running;
mod stop;
