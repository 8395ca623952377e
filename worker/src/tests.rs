//! Tests follow the adapters.
