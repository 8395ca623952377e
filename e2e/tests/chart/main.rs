//! The chart, as Helm renders it: what it says of itself is true, the API server takes it, and its pods are started with
//! settings that our programs know. That what it installs works is told by `tests/pods`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: a surprise should fail the test where it happens"
)]

mod helm;
mod odd;
mod pods;
mod rules;
mod server;
mod tilt;
mod values;
