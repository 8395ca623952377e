//! The contracts on SQLite, and what only a file can do.

mod buckets;
mod contracts;
mod crash;
mod file;
mod full;
mod writer;

use std::{path::Path, sync::Arc};

use super::{Options, SqliteStore};
use crate::{MetricStore, contract::metrics::View};

/// The store of a folder.
fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("store.db"), Options::default()).unwrap()
}

/// A store in a folder of its own, and a tenant's view of it.
fn fresh() -> (tempfile::TempDir, Arc<SqliteStore>, View) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()));
    let port: Arc<dyn MetricStore> = store.clone();
    let view = View::of(&port, "acme");
    (folder, store, view)
}
