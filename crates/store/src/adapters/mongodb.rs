//! Raw events in MongoDB, or in a server that speaks its wire protocol.
//!
//! **Guarantee.** What [`RawEventStore::insert`](crate::RawEventStore::insert) confirmed was acknowledged by a majority
//! of the replica set and stands in its journal, and every event is stored at most once however often it is inserted. No
//! call waits much longer than [`MongoOptions::time_out`], whatever the server or the network does.
//!
//! One collection, [`COLLECTION`]; a document has these fields:
//!
//! | field | type | |
//! |---|---|---|
//! | `_id` | binary, 20 bytes | the event's place: the message's UUID, then the position, big-endian |
//! | `tenant` | string | part of every filter |
//! | `timestamp` | date | when the request started |
//! | `service`, `endpoint`, `method` | string | as counted |
//! | `status` | int | |
//! | `latencyUs` | long | |
//! | `requestId` | string | the request to ingest |
//! | `body` | string | the client's JSON, byte for byte |
//!
//! The place itself, not a hash of it, is the `_id`: no shorter, it sorts by time, and the place can be read back. The
//! body is text and never a nested document: JSON allows keys and shapes that BSON servers refuse, and an event that was
//! accepted must be storable.
//!
//! Two indexes, made by [`MongoStore::prepare`]: `tenant_timestamp` (tenant, timestamp and `_id` descending) answers
//! every query of the port in its order; `timestamp_ttl` lets the server drop what is older than
//! [`MongoOptions::retention`]. Tenants that keep less are served by [`purge`](crate::RawEventStore::purge).

mod document;
mod failure;
mod index;
mod insert;
mod options;
mod raw;

#[cfg(test)]
mod tests;

use std::time::Duration;

use mongodb::{
    Client, Collection, Database,
    options::{Acknowledgment, ClientOptions, WriteConcern},
};

use document::Stored;
use failure::Failure;

pub use options::{MongoOptions, OpenError};

/// The collection of raw events.
pub const COLLECTION: &str = "raw_events";
/// The database where the address names none.
pub const DATABASE: &str = "sendry";

/// The store of raw events on MongoDB.
#[derive(Clone, Debug)]
pub struct MongoStore {
    database: Database,
    events: Collection<Stored<String>>,
    /// The longest that one command may take.
    time_out: Duration,
    /// How long the server keeps events.
    retention: Duration,
}

impl MongoStore {
    /// A store on the server that `options` name. The server need not be there:
    /// [`check`](crate::RawEventStore::check) says whether it is. Only an address of the form `mongodb+srv://` is looked
    /// up at once.
    ///
    /// # Errors
    /// When the address is not one, or cannot be looked up.
    pub async fn connect(options: MongoOptions) -> Result<Self, OpenError> {
        let parsed = ClientOptions::parse(&options.uri);
        let parsed = tokio::time::timeout(options.time_out, parsed).await;
        let parsed = parsed.map_err(|_| OpenError::TimedOut(options.time_out))?;
        let mut client = parsed.map_err(|source| OpenError::Address(Box::new(source)))?;
        options.complete(&mut client);
        let database = client
            .default_database
            .clone()
            .unwrap_or_else(|| DATABASE.to_owned());
        let client =
            Client::with_options(client).map_err(|source| OpenError::Address(Box::new(source)))?;
        let database = client.database(&database);
        Ok(Self {
            events: database.collection(COLLECTION),
            database,
            time_out: options.time_out,
            retention: options.retention,
        })
    }

    /// Bounds a command in time: the driver itself waits for an answer for ever. A command that is given up takes its
    /// connection with it.
    async fn bounded<T>(
        &self,
        command: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, Failure> {
        let answer = tokio::time::timeout(self.time_out, command.into_future()).await;
        Ok(answer.map_err(|_| Failure::TimedOut(self.time_out))??)
    }

    /// For inserts: a majority has it in its journal. The server gives up before we do, and says so.
    fn durable(&self) -> WriteConcern {
        WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .w_timeout(self.time_out.mul_f32(0.8))
            .build()
    }
}
