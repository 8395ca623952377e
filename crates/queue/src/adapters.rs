//! Adapters: the only modules of this crate that name a broker or database library.

pub mod sqlite;
