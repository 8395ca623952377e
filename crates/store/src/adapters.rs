//! Adapters: the only modules of this crate that name a database library.

pub mod sqlite;
