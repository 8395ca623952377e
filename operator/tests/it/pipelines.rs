//! Pipelines on a real API server, where no pod runs: workers are objects, and a test says how they stand.

mod conflicts;
mod crashes;
mod deletion;
mod keeping;
mod lifecycle;
pub mod stage;
