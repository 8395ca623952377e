//! The operator against a real API server.

mod crash;
mod keys;
