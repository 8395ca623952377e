//! What of a request is taken: pure, from text to events by pipeline and refusals by index.

mod batch;
mod check;

#[cfg(test)]
mod tests;

pub use batch::{BatchError, ClientBatch, MAX_EVENTS, SentEvent};
pub use check::{Accepted, Policy, Rejected, Verdict, check};
