//! The contracts of [`ControlStore`](crate::ControlStore) and [`OperatorStore`](crate::OperatorStore).

pub mod cases;
pub mod operator;
