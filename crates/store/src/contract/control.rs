//! The contract of [`ControlStore`](crate::ControlStore).

pub mod cases;
