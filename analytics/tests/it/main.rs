//! The whole API on real SQLite files, with events counted the way a worker counts them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod access;
mod dead_letters;
mod endpoints;
mod events;
mod harness;
mod ledger;
mod long_ranges;
mod original;
mod parameters;
mod replay;
mod stubs;
mod summary;
mod tenants;
mod timeseries;
mod zones;
