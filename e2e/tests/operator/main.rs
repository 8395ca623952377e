//! The operator as it is run: `sendry-operator run` against a real API server, broker and PostgreSQL, with `sendry ingest`
//! beside it. What is asserted is what a team sees: the answer to its key, the Secret it mounts, the state of its tenant.
//!
//! Times are told, never held to: what a test fails on is a state that does not come, or one that must not be.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests: a surprise should fail the test where it happens, and what was measured is to be read"
)]

mod begin;
mod client;
mod cluster;
mod deletion;
mod gitops;
mod held;
mod limits;
mod load;
mod operators;
mod program;
mod revoking;
mod rotation;
mod secret;
mod stage;
mod tenant;
mod wait;
