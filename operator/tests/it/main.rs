//! The operator against a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod crash;
mod definitions;
mod election;
mod frozen;
mod isolated;
mod keys;
mod noticing;
mod operators;
mod passes;
mod pipelines;
mod proxy;
mod scaling;
mod support;
mod telling;
mod tenants;
mod workers;
