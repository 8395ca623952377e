//! The contract of [`RawEventStore`](crate::RawEventStore).

pub mod cases;
pub mod erasing;
