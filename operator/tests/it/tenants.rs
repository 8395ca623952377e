//! Tenants against a real API server: from a manifest to what ingest, the broker and the status say.

pub mod crashes;
mod definitions;
mod deletion;
mod drift;
mod keys;
mod lifecycle;
mod many;
mod namespaces;
mod rights;
pub mod stage;
