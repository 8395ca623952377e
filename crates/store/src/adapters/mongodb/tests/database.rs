//! Databases that tests leave no trace of.

use std::sync::atomic::{AtomicU32, Ordering};

use sendry_servers::{Server, url};

use super::super::{MongoOptions, MongoStore};

/// Longest time that expiry takes: what tests store must not depend on the day.
const FOREVER: std::time::Duration = std::time::Duration::from_secs(i32::MAX as u64);

/// A database, dropped at the end, also of a test that failed.
pub struct TestDatabase {
    /// Its name.
    name: String,
}

impl TestDatabase {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("sendry_test_{}_{number}", std::process::id()),
        }
    }

    /// How to reach it at `server` (`host:port`), or where the tests' server is.
    pub fn options(&self, server: Option<std::net::SocketAddr>) -> MongoOptions {
        let uri = match server {
            Some(address) => format!("mongodb://{address}/{}", self.name),
            None => with_database(&url(Server::Mongodb), &self.name),
        };
        MongoOptions {
            retention: FOREVER,
            ..MongoOptions::new(uri)
        }
    }

    /// A store on it, ready.
    pub async fn store(&self) -> MongoStore {
        let store = MongoStore::connect(self.options(None)).await.unwrap();
        store.prepare().await.unwrap();
        store
    }
}

/// The address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").unwrap();
    let hosts = rest.split_once('/').map_or(rest, |(hosts, _)| hosts);
    format!("{scheme}://{hosts}/{name}?{parameters}")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let options = self.options(None);
        // A runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let store = MongoStore::connect(options).await.unwrap();
                store.database.drop().await.unwrap();
            });
        });
        let dropped = dropping.join();
        assert!(dropped.is_ok() || std::thread::panicking(), "not dropped");
    }
}
