//! The contract of the port, for every adapter.
