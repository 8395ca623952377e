//! The contract on SQLite, and what only a file can be asked.

mod durability;
mod errors;
mod flow;
mod inbox;
mod limits;

use std::sync::Arc;

use async_trait::async_trait;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use tempfile::TempDir;

use super::{
    Options, SqliteQueue, inbox::Inbox, load, log::LogKeeper, schema, state::Registry,
    writer::Writer,
};
use crate::{EventQueue, contract::Harness, event_queue_contract};

struct Sqlite(TempDir);

#[async_trait]
impl Harness for Sqlite {
    async fn start() -> Self {
        Self(TempDir::new().unwrap())
    }

    async fn open(&self) -> Arc<dyn EventQueue> {
        Arc::new(open(&self.0, Options::default()))
    }

    async fn queue(&self, _: &Arc<dyn EventQueue>, name: &str) -> QueueName {
        queue_named(name)
    }
}

event_queue_contract!(Sqlite);

/// A handle on `queue.db` in `dir`.
fn open(dir: &TempDir, options: Options) -> SqliteQueue {
    SqliteQueue::open(dir.path().join("queue.db"), options).unwrap()
}

fn queue_named(name: &str) -> QueueName {
    QueueName::Pipeline(
        TenantId::new("acme").unwrap(),
        PipelineName::new(name).unwrap(),
    )
}

/// A connection past the writer, to make the file misbehave.
fn side_door(dir: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.path().join("queue.db")).unwrap()
}

/// The writer without its thread and the log's, so that a test decides what shares a transaction.
fn lone_writer(dir: &TempDir) -> Writer {
    let (path, options) = (dir.path().join("queue.db"), Options::default());
    let registry = Arc::new(Registry::default());
    let conn = schema::open(&path, &options).unwrap();
    Writer {
        next_seq: load::contents(&conn, &registry).unwrap(),
        conn: Some(conn),
        inbox: Arc::new(Inbox::new(options.inbox_messages, options.inbox_bytes)),
        log: Arc::new(LogKeeper::new(path.clone())),
        commits: Arc::default(),
        registry,
        options,
        path,
    }
}
