//! The indexes, made and kept right by any number of processes at once.

use std::time::Duration;

use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};

use super::{COLLECTION, MongoStore, failure::Failure};
use crate::StoreError;

/// Building an index over what is there may take long; another start joins the build.
const PATIENCE: Duration = Duration::from_secs(60);
/// The index of queries.
pub const QUERIES: &str = "tenant_timestamp";
/// The index by which the server drops old events.
pub const TTL: &str = "timestamp_ttl";
/// The server's words for an index of that name or key with other options.
const CONFLICTS: [i32; 2] = [85, 86];

impl MongoStore {
    /// Makes the collection and its indexes, and sets their retention to this build's. Safe to call again, and by any
    /// number of processes at once; call it at start, and again until it works. Without it everything is stored all the
    /// same, but queries are slow and nothing expires.
    ///
    /// # Errors
    /// When the server is away, or takes longer than a minute to build an index (it goes on building).
    pub async fn prepare(&self) -> Result<(), StoreError> {
        let prepared = self.patient().prepare_indexes().await;
        prepared.map_err(|failure| failure.writing("make the indexes of raw events"))
    }

    /// Whether waiting does not cure this error of [`Self::prepare`]: the user, the password or TLS is wrong.
    #[must_use]
    pub fn is_setting(error: &StoreError) -> bool {
        std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<Failure>())
            .is_some_and(Failure::is_setting)
    }

    async fn prepare_indexes(&self) -> Result<(), Failure> {
        // Apart: a conflict of one must not keep the other from being made.
        self.bounded(self.events.create_index(queries())).await?;
        let ttl = self.bounded(self.events.create_index(ttl(self.retention)));
        let Err(failure) = ttl.await else {
            return Ok(());
        };
        if !failure
            .command_code()
            .is_some_and(|code| CONFLICTS.contains(&code))
        {
            return Err(failure);
        }
        let change = retention(self.retention);
        self.bounded(self.database.run_command(change)).await?;
        Ok(())
    }

    fn patient(&self) -> Self {
        Self {
            time_out: self.time_out.max(PATIENCE),
            ..self.clone()
        }
    }
}

/// `_id` makes the order total, so that it comes from the index whatever is listed.
fn queries() -> IndexModel {
    IndexModel::builder()
        .keys(doc! { "tenant": 1, "timestamp": -1, "_id": -1 })
        .options(IndexOptions::builder().name(QUERIES.to_owned()).build())
        .build()
}

fn ttl(retention: Duration) -> IndexModel {
    let options = IndexOptions::builder()
        .name(TTL.to_owned())
        .expire_after(retention);
    IndexModel::builder()
        .keys(doc! { "timestamp": 1 })
        .options(options.build())
        .build()
}

fn retention(retention: Duration) -> Document {
    let seconds = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
    doc! {
        "collMod": COLLECTION,
        "index": { "name": TTL, "expireAfterSeconds": seconds },
    }
}
