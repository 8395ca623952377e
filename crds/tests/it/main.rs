//! The definitions and policies against the real API server: what it accepts, what it refuses, and what it says then.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a surprise should fail the test where it happens"
)]

mod admission;
mod examples;
mod health;
mod kubectl;
mod limits;
mod manifests;
mod support;
