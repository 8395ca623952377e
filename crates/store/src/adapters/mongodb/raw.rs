//! [`RawEventStore`] on MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    Cursor,
    bson::{Binary, Document, doc},
};
use sendry_domain::{id::TenantId, time::UnixMillis};
use serde::Deserialize;

use super::{
    super::erasure::RAW,
    MongoStore,
    document::{Stored, date},
    failure::Failure,
    insert::insert,
};
use crate::{Erased, Footprint, RawEvent, RawEventEraser, RawEventStore, RawQuery, StoreError};

/// Documents that a purge drops at once, so that each command takes milliseconds.
const CHUNK: usize = 2_000;

#[async_trait]
impl RawEventStore for MongoStore {
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        let inserted = insert(self, events).await;
        inserted.map_err(|failure| failure.writing("store raw events"))
    }

    async fn list(&self, tenant: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, StoreError> {
        let events = self.listed(tenant, query).await;
        events.map_err(|failure| failure.reading("list raw events"))
    }

    async fn count(
        &self,
        tenant: &TenantId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StoreError> {
        let filter = between(tenant, from, to);
        let count = self.events.count_documents(filter).max_time(self.time_out);
        let count = self.bounded(count).await;
        count.map_err(|failure| failure.reading("count raw events"))
    }

    async fn purge(&self, tenant: &TenantId, before: UnixMillis) -> Result<u64, StoreError> {
        let mut dropped = 0;
        loop {
            let older = doc! { "tenant": tenant.as_str(), "timestamp": { "$lt": date(before) } };
            let chunk = self.drop_some(tenant, older, CHUNK).await;
            let (found, gone) = chunk.map_err(|failure| failure.writing("purge raw events"))?;
            dropped += gone;
            if found < CHUNK {
                return Ok(dropped);
            }
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answer = self.bounded(self.database.run_command(doc! { "ping": 1 }));
        let answer = answer.await.map(|_| ());
        answer.map_err(|failure| failure.reading("check the store"))
    }
}

#[async_trait]
impl RawEventEraser for MongoStore {
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError> {
        let all = self
            .events
            .count_documents(doc! { "tenant": tenant.as_str() });
        let events = self.bounded(all.max_time(self.time_out)).await;
        let events = events.map_err(|f| f.reading("count a tenant's raw events"))?;
        Ok(Footprint {
            rows: vec![(RAW, events)],
        })
    }

    async fn erase(&self, tenant: &TenantId, at_most: u32) -> Result<Erased, StoreError> {
        // A limit of 0 would mean none to the server.
        let at_most = (at_most as usize).clamp(1, CHUNK);
        let all = doc! { "tenant": tenant.as_str() };
        let dropped = self.drop_some(tenant, all, at_most).await;
        let (found, rows) = dropped.map_err(|f| f.writing("erase raw events"))?;
        Ok(Erased {
            rows,
            done: found < at_most,
        })
    }
}

#[derive(Deserialize)]
struct IdOnly {
    _id: Binary,
}

impl MongoStore {
    async fn listed(&self, tenant: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, Failure> {
        if query.limit == 0 {
            // To the server it would mean no limit.
            return Ok(Vec::new());
        }
        let find = self
            .events
            .find(between(tenant, query.from, query.to))
            .sort(doc! { "timestamp": -1, "_id": -1 })
            .limit(i64::from(query.limit))
            .max_time(self.time_out);
        let read = async {
            let cursor: Cursor<Stored<String>> = find.await?;
            cursor.try_collect::<Vec<_>>().await
        };
        let documents = self.bounded(Box::pin(read)).await?;
        documents.into_iter().map(Stored::event).collect()
    }

    /// Drops at most `at_most` of the tenant's events that `filter` finds; returns how many it found and how many it dropped:
    /// the server's own expiry may come first.
    async fn drop_some(
        &self,
        tenant: &TenantId,
        filter: Document,
        at_most: usize,
    ) -> Result<(usize, u64), Failure> {
        let events = self.events.clone_with_type::<IdOnly>();
        let find = events
            .find(filter)
            .projection(doc! { "_id": 1 })
            .limit(i64::try_from(at_most).unwrap_or(i64::MAX))
            .max_time(self.time_out);
        let read = async { find.await?.try_collect::<Vec<_>>().await };
        let ids: Vec<_> = self
            .bounded(read)
            .await?
            .into_iter()
            .map(|d| d._id)
            .collect();
        let found = ids.len();
        if found == 0 {
            return Ok((0, 0));
        }
        let filter = doc! { "tenant": tenant.as_str(), "_id": { "$in": ids } };
        let deleted = self.bounded(self.events.delete_many(filter)).await?;
        Ok((found, deleted.deleted_count))
    }
}

/// The tenant's events whose time is in `from..to`.
fn between(tenant: &TenantId, from: UnixMillis, to: UnixMillis) -> Document {
    doc! {
        "tenant": tenant.as_str(),
        "timestamp": { "$gte": date(from), "$lt": date(to) },
    }
}
