//! The contracts of [`ControlStore`](crate::ControlStore), [`OperatorStore`](crate::OperatorStore) and
//! [`ControlEraser`](crate::ControlEraser).

pub mod cases;
pub mod erasing;
pub mod managed_keys;
pub mod one_tenant;
pub mod operator;
pub mod pipelines;
