//! The contracts on SQLite, and what only a file can do.

mod contracts;
mod file;

use std::path::Path;

use super::{Options, SqliteStore};

/// The store of a folder.
fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("store.db"), Options::default()).unwrap()
}
