//! What services ask of the stores, in words of the domain.

pub mod control;
pub mod eraser;
pub mod error;
pub mod metrics;
pub mod operator;
pub mod raw;
