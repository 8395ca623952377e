//! [`RawEventStore`] on SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use sendry_domain::{id::TenantId, time::UnixMillis};

use super::{
    super::erasure,
    SqliteStore,
    column::{count, id, place},
    failure::Failure,
    names::{Names, number},
};
use crate::{Erased, Footprint, RawEvent, RawEventEraser, RawEventStore, RawQuery, StoreError};

/// The port, in errors.
const RAW: &str = "raw";
/// Rows a transaction of a purge, so that counting waits for milliseconds.
const CHUNK: i64 = 2_000;

#[async_trait]
impl RawEventStore for SqliteStore {
    async fn insert(&self, events: &[RawEvent]) -> Result<Vec<usize>, StoreError> {
        let events = events.to_vec();
        let inserted = self
            .writer
            .transact(move |t, names| insert(t, names, &events));
        inserted.await.map_err(|f| f.at(RAW, "store raw events"))
    }

    async fn list(&self, tenant: &TenantId, query: &RawQuery) -> Result<Vec<RawEvent>, StoreError> {
        let (tenant, query) = (tenant.clone(), query.clone());
        let events = self.readers.read(move |s| list(s, &tenant, &query));
        events.await.map_err(|f| f.at(RAW, "list raw events"))
    }

    async fn count(
        &self,
        tenant: &TenantId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        let events = self.readers.read(move |s| between(s, &tenant, from, to));
        events.await.map_err(|f| f.at(RAW, "count raw events"))
    }

    async fn purge(&self, tenant: &TenantId, before: UnixMillis) -> Result<u64, StoreError> {
        let tenant = Arc::new(tenant.clone());
        let mut dropped = 0;
        loop {
            let tenant = tenant.clone();
            let rows = self.writer.transact(move |t, _| purge(t, &tenant, before));
            let rows = rows.await.map_err(|f| f.at(RAW, "purge raw events"))?;
            dropped += rows;
            if rows < count(CHUNK) {
                return Ok(dropped);
            }
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answers = self.answers().await;
        answers.map_err(|f| f.at(RAW, "check the store"))
    }
}

/// Stores events, the first content of each place. Returns those that SQLite refuses.
fn insert(
    transaction: &Connection,
    names: &mut Names,
    events: &[RawEvent],
) -> Result<Vec<usize>, Failure> {
    let sql = "INSERT INTO raw_event
                   (message, position, tenant, time, service, endpoint, method, status, latency_us,
                    request_id, body)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut refused = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let no = names.of(transaction, &event.tenant)?.no;
        let Ok(latency) = i64::try_from(event.latency_us) else {
            refused.push(index);
            continue;
        };
        let stored = statement.execute(params![
            id(event.id.message),
            event.id.position,
            no,
            event.timestamp.0,
            event.service,
            event.endpoint,
            event.method,
            event.status,
            latency,
            event.request_id,
            event.body,
        ]);
        match stored.map_err(Failure::from) {
            Ok(_) => {}
            Err(failure) if failure.is_refusal() => refused.push(index),
            Err(failure) => return Err(failure),
        }
    }
    Ok(refused)
}

fn list(
    snapshot: &Connection,
    tenant: &TenantId,
    query: &RawQuery,
) -> Result<Vec<RawEvent>, Failure> {
    let Some(no) = number(snapshot, tenant)? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT message, position, time, service, endpoint, method, status, latency_us,
                      request_id, body
               FROM raw_event WHERE tenant = ? AND time >= ? AND time < ?
               ORDER BY time DESC, message DESC, position DESC LIMIT ?";
    let mut statement = snapshot.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        Ok(RawEvent {
            id: place(row.get(0)?, row.get(1)?),
            tenant: tenant.clone(),
            timestamp: UnixMillis(row.get(2)?),
            service: row.get(3)?,
            endpoint: row.get(4)?,
            method: row.get(5)?,
            status: row.get(6)?,
            latency_us: count(row.get(7)?),
            request_id: row.get(8)?,
            body: row.get(9)?,
        })
    };
    let range = params![no, query.from.0, query.to.0, query.limit];
    let events = statement.query_map(range, read)?;
    Ok(events.collect::<Result<_, _>>()?)
}

fn between(
    snapshot: &Connection,
    tenant: &TenantId,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<u64, Failure> {
    let Some(no) = number(snapshot, tenant)? else {
        return Ok(0);
    };
    let sql = "SELECT count(*) FROM raw_event WHERE tenant = ? AND time >= ? AND time < ?";
    let mut statement = snapshot.prepare_cached(sql)?;
    let events = statement.query_row(params![no, from.0, to.0], |row| row.get(0))?;
    Ok(count(events))
}

#[async_trait]
impl RawEventEraser for SqliteStore {
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError> {
        let ever = (UnixMillis(i64::MIN), UnixMillis(i64::MAX));
        let events = RawEventStore::count(self, tenant, ever.0, ever.1).await?;
        Ok(Footprint {
            rows: vec![(erasure::RAW, events)],
        })
    }

    async fn erase(&self, tenant: &TenantId, at_most: u32) -> Result<Erased, StoreError> {
        let tenant = tenant.clone();
        let erased = self.writer.transact(move |t, _| erase(t, &tenant, at_most));
        let rows = erased.await.map_err(|f| f.at(RAW, "erase raw events"))?;
        Ok(Erased {
            rows,
            done: rows < u64::from(at_most),
        })
    }
}

fn erase(transaction: &Connection, tenant: &TenantId, at_most: u32) -> Result<u64, Failure> {
    let Some(no) = number(transaction, tenant)? else {
        return Ok(0);
    };
    let sql = "DELETE FROM raw_event WHERE (message, position) IN
               (SELECT message, position FROM raw_event WHERE tenant = ? LIMIT ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows = statement.execute(params![no, at_most])?;
    Ok(count(rows as i64))
}

/// Drops at most [`CHUNK`] events.
fn purge(transaction: &Connection, tenant: &TenantId, before: UnixMillis) -> Result<u64, Failure> {
    let Some(no) = number(transaction, tenant)? else {
        return Ok(0);
    };
    let sql = "DELETE FROM raw_event WHERE (message, position) IN
               (SELECT message, position FROM raw_event WHERE tenant = ? AND time < ? LIMIT ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows = statement.execute(params![no, before.0, CHUNK])?;
    Ok(count(rows as i64))
}
