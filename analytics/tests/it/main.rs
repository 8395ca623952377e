//! The whole API on real SQLite files, with events counted the way a worker counts them.

mod access;
mod dead_letters;
mod endpoints;
mod events;
mod harness;
mod ledger;
mod long_ranges;
mod original;
mod parameters;
mod replay;
mod stubs;
mod summary;
mod tenants;
mod timeseries;
mod zones;
