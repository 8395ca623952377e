//! Claiming identities, so that of any number of workers one counts each.
//!
//! Events are judged at first as if nothing were known but the floors, and the rows that this gives are inserted, each
//! kind in one statement and in the order of its keys. An insertion waits for a transaction under way that has inserted
//! the same key: when it goes on, the other's row is either there to be read or will never be. What was not inserted is
//! therefore loaded, and the events are judged again with it. In the usual case nothing was known, and each row has been
//! written once and never read.
//!
//! Messages come first, because what a redelivered message holds claims nothing. Of the rest each event has one identity,
//! so a source or an event that turns out to be known changes nothing about the rows of the others.
//!
//! No two claims wait for each other: every transaction inserts messages, then sources, then events, and locks the rows of
//! sources that others had inserted once it waits for no insertion of a source any more.
//!
//! # How rows are kept
//!
//! Not partitioned. A row leaves by its event time and its counting time, whichever is later, and both can lie days from
//! its arrival; partitions by any one of them would keep an identity in two places or drop it early. A unique index over
//! all rows is what makes claiming safe, and PostgreSQL has none across partitions but by the whole key. Rows leave in
//! chunks along the index of `last`.
//!
//! Measured on 2 cores with the server beside the client (`examples/postgres_count.rs`, 2,000 events a call): named by
//! batches of 100, an event costs the ledger 4 bytes and the whole count 6.5 µs; named one by one, 120 bytes (table 73,
//! key 39, `last` 8) and 17 µs, or 28 µs beside eight million rows whose key no longer fits into the server's memory.
//! Hashed keys meet a random page each, in one index or in sixteen, so partitions by hash would win nothing. A purge
//! takes 3 µs a row.

use std::collections::{BTreeMap, HashMap, HashSet};

use sendry_domain::{
    bitmap::Bitmap,
    counting::{
        Arrival, EventKey, EventRow, Known, MessageRow, SourceKey, SourceRow, Verdict, judge,
    },
    fingerprint::Fingerprint,
    id::{MessageId, TenantId},
    time::UnixMillis,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::super::{
    column::{print, read_print, read_scope, scope},
    failure::Failure,
    names::Shared,
};

/// A row that was there and is gone is claimed again; more often than this it cannot go.
const ROUNDS: usize = 4;

/// What claiming needs to know.
pub struct Claim<'a> {
    /// By tenant.
    pub names: &'a HashMap<TenantId, Shared>,
    /// To be judged.
    pub arrivals: &'a [Arrival],
    /// The moment of counting.
    pub at: UnixMillis,
    /// The start of the minute level.
    pub minute_floor: UnixMillis,
}

impl Claim<'_> {
    /// Claims what may be counted and writes the ledger's rows. `known` says where tenants stand.
    pub async fn run(
        &self,
        connection: &mut PgConnection,
        mut known: Known,
    ) -> Result<Verdict, Failure> {
        let mut verdict = self.judge(&known);
        let written = verdict.messages.clone();
        let redelivered = self.messages(connection, &written, &mut known).await?;
        if redelivered {
            verdict = self.judge(&known);
        }
        let sources = self.sources(connection, &verdict.sources, &mut known);
        let sources = sources.await?;
        let events = self.events(connection, &verdict.events, &mut known);
        let events = events.await?;
        if sources || events {
            verdict = self.judge(&known);
            self.rewrite_sources(connection, &verdict, &known).await?;
        }
        if redelivered || sources || events {
            self.rewrite_messages(connection, &written, &verdict)
                .await?;
        }
        Ok(verdict)
    }

    fn judge(&self, known: &Known) -> Verdict {
        judge(self.arrivals, known, self.at, self.minute_floor)
    }

    fn no(&self, tenant: &TenantId) -> Result<i32, Failure> {
        let names = self.names.get(tenant);
        let names = names.ok_or_else(|| Failure::damaged("a tenant's names were not loaded"))?;
        Ok(names.no)
    }

    fn last(&self, newest: UnixMillis) -> i64 {
        self.at.max(newest).0
    }

    /// Inserts messages and loads those that were there. Says whether any was.
    async fn messages(
        &self,
        connection: &mut PgConnection,
        rows: &BTreeMap<MessageId, MessageRow>,
        known: &mut Known,
    ) -> Result<bool, Failure> {
        let mut open: Vec<_> = rows.iter().collect();
        for _ in 0..ROUNDS {
            if open.is_empty() {
                return Ok(!known.messages.is_empty());
            }
            let mut tenants = Vec::with_capacity(open.len());
            for (_, row) in &open {
                tenants.push(self.no(&row.tenant)?);
            }
            let ids: Vec<Uuid> = open.iter().map(|(id, _)| id.0).collect();
            let scopes: Vec<i16> = open.iter().map(|(_, row)| scope(row.scope)).collect();
            let last = open.iter().map(|(_, row)| self.last(row.newest_event));
            let won = open.iter().map(|(_, row)| row.won.as_bytes());
            let sql = "INSERT INTO ledger_message (id, tenant, scope, last, won)
                       SELECT * FROM unnest($1::uuid[], $2::int4[], $3::int2[], $4::int8[], $5::bytea[])
                       ON CONFLICT DO NOTHING RETURNING id";
            let inserted: Vec<Uuid> = sqlx::query_scalar(sql)
                .bind(&ids)
                .bind(tenants)
                .bind(scopes)
                .bind(last.collect::<Vec<_>>())
                .bind(won.collect::<Vec<_>>())
                .fetch_all(&mut *connection)
                .await?;
            let inserted: HashSet<_> = inserted.into_iter().collect();
            open.retain(|(id, _)| !inserted.contains(&id.0));
            if open.is_empty() {
                continue;
            }
            let ids: Vec<Uuid> = open.iter().map(|(id, _)| id.0).collect();
            let sql = "SELECT id, won FROM ledger_message WHERE id = ANY($1)";
            let found = sqlx::query(sql)
                .bind(ids)
                .fetch_all(&mut *connection)
                .await?;
            for row in found {
                let won = Bitmap::from_bytes(row.try_get(1)?);
                known.messages.insert(MessageId(row.try_get(0)?), won);
            }
            open.retain(|(id, _)| !known.messages.contains_key(id));
        }
        Err(Failure::Contended(
            "messages come and go in the ledger faster than they can be claimed",
        ))
    }

    /// Inserts sources; locks and loads those that were there. Says whether any was.
    async fn sources(
        &self,
        connection: &mut PgConnection,
        rows: &BTreeMap<SourceKey, SourceRow>,
        known: &mut Known,
    ) -> Result<bool, Failure> {
        let mut open = Vec::with_capacity(rows.len());
        for ((tenant, source), row) in rows {
            open.push((self.no(tenant)?, (tenant, *source), row));
        }
        for _ in 0..ROUNDS {
            if open.is_empty() {
                return Ok(!known.sources.is_empty());
            }
            let columns =
                SourceColumns::of(open.iter().map(|(no, key, row)| (*no, key.1, *row)), self);
            let sql = "INSERT INTO ledger_source (tenant, source, seen, fingerprint, scope, last)
                       SELECT * FROM unnest($1::int4[], $2::uuid[], $3::bytea[], $4::uuid[], $5::int2[], $6::int8[])
                       ON CONFLICT DO NOTHING RETURNING tenant, source";
            let inserted: Vec<(i32, Uuid)> = sqlx::query_as(sql)
                .bind(&columns.tenants)
                .bind(&columns.sources)
                .bind(columns.seen)
                .bind(columns.fingerprints)
                .bind(columns.scopes)
                .bind(columns.last)
                .fetch_all(&mut *connection)
                .await?;
            let inserted: HashSet<_> = inserted.into_iter().collect();
            open.retain(|(no, key, _)| !inserted.contains(&(*no, key.1)));
            if open.is_empty() {
                continue;
            }
            let by_key: HashMap<_, _> = open
                .iter()
                .map(|(no, key, _)| ((*no, key.1), *key))
                .collect();
            let sql = "SELECT s.tenant, s.source, s.seen, s.fingerprint, s.last, s.scope
                       FROM unnest($1::int4[], $2::uuid[]) AS k (tenant, source)
                       JOIN ledger_source AS s ON s.tenant = k.tenant AND s.source = k.source
                       ORDER BY s.tenant, s.source FOR UPDATE OF s";
            let found = sqlx::query(sql)
                .bind(open.iter().map(|(no, ..)| *no).collect::<Vec<_>>())
                .bind(open.iter().map(|(_, key, _)| key.1).collect::<Vec<_>>())
                .fetch_all(&mut *connection)
                .await?;
            for row in found {
                let held = SourceRow {
                    seen: Bitmap::from_bytes(row.try_get(2)?),
                    fingerprint: row.try_get::<Option<Uuid>, _>(3)?.map(read_print),
                    // The row's whole age: it may only grow, and is written back into the same column.
                    newest_event: UnixMillis(row.try_get(4)?),
                    scope: read_scope(row.try_get(5)?)?,
                };
                let key: (i32, Uuid) = (row.try_get(0)?, row.try_get(1)?);
                if let Some((tenant, source)) = by_key.get(&key) {
                    known.sources.insert(((*tenant).clone(), *source), held);
                }
            }
            open.retain(|(_, (tenant, source), _)| {
                !known.sources.contains_key(&((*tenant).clone(), *source))
            });
        }
        Err(Failure::Contended(
            "sources come and go in the ledger faster than they can be claimed",
        ))
    }

    /// Inserts events and loads those that were there. Says whether any was.
    async fn events(
        &self,
        connection: &mut PgConnection,
        rows: &BTreeMap<EventKey, EventRow>,
        known: &mut Known,
    ) -> Result<bool, Failure> {
        let mut open: Vec<_> = rows.iter().collect();
        for _ in 0..ROUNDS {
            if open.is_empty() {
                return Ok(!known.events.is_empty());
            }
            let mut tenants = Vec::with_capacity(open.len());
            for (_, row) in &open {
                tenants.push(self.no(&row.tenant)?);
            }
            let keys: Vec<Uuid> = open
                .iter()
                .map(|(key, _)| Uuid::from_bytes(**key))
                .collect();
            let contents = open.iter().map(|(_, row)| row.content.map(print));
            let scopes = open.iter().map(|(_, row)| scope(row.scope));
            let last = open.iter().map(|(_, row)| self.last(row.event_time));
            let sql = "INSERT INTO ledger_event (key, tenant, content, scope, last)
                       SELECT * FROM unnest($1::uuid[], $2::int4[], $3::uuid[], $4::int2[], $5::int8[])
                       ON CONFLICT DO NOTHING RETURNING key";
            let inserted: Vec<Uuid> = sqlx::query_scalar(sql)
                .bind(&keys)
                .bind(tenants)
                .bind(contents.collect::<Vec<_>>())
                .bind(scopes.collect::<Vec<_>>())
                .bind(last.collect::<Vec<_>>())
                .fetch_all(&mut *connection)
                .await?;
            if inserted.len() == open.len() {
                return Ok(!known.events.is_empty());
            }
            let inserted: HashSet<_> = inserted.into_iter().collect();
            open.retain(|(key, _)| !inserted.contains(&Uuid::from_bytes(**key)));
            let keys: Vec<Uuid> = open
                .iter()
                .map(|(key, _)| Uuid::from_bytes(**key))
                .collect();
            let sql = "SELECT key, content FROM ledger_event WHERE key = ANY($1)";
            let found: Vec<(Uuid, Option<Uuid>)> = sqlx::query_as(sql)
                .bind(keys)
                .fetch_all(&mut *connection)
                .await?;
            let read = |(key, content): (Uuid, Option<Uuid>)| -> (EventKey, Option<Fingerprint>) {
                (key.into_bytes(), content.map(read_print))
            };
            known.events.extend(found.into_iter().map(read));
            open.retain(|(key, _)| !known.events.contains_key(*key));
        }
        Err(Failure::Contended(
            "events come and go in the ledger faster than they can be claimed",
        ))
    }

    /// Writes the sources that were there as they are to stand.
    async fn rewrite_sources(
        &self,
        connection: &mut PgConnection,
        verdict: &Verdict,
        known: &Known,
    ) -> Result<(), Failure> {
        let mut changed = Vec::new();
        for (key, row) in &verdict.sources {
            if known.sources.get(key).is_some_and(|held| held != row) {
                changed.push((self.no(&key.0)?, key.1, row));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let columns = SourceColumns::of(changed.into_iter(), self);
        let sql = "UPDATE ledger_source AS s SET seen = n.seen, fingerprint = n.fingerprint, last = n.last
                   FROM unnest($1::int4[], $2::uuid[], $3::bytea[], $4::uuid[], $5::int8[])
                        AS n (tenant, source, seen, fingerprint, last)
                   WHERE s.tenant = n.tenant AND s.source = n.source";
        sqlx::query(sql)
            .bind(columns.tenants)
            .bind(columns.sources)
            .bind(columns.seen)
            .bind(columns.fingerprints)
            .bind(columns.last)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Corrects what messages won where that turned out to be less than was written.
    async fn rewrite_messages(
        &self,
        connection: &mut PgConnection,
        written: &BTreeMap<MessageId, MessageRow>,
        verdict: &Verdict,
    ) -> Result<(), Failure> {
        let changed = verdict.messages.iter().filter(|(id, row)| {
            let before = written.get(id);
            before.is_none_or(|before| before.won != row.won)
        });
        let (ids, won): (Vec<Uuid>, Vec<&[u8]>) =
            changed.map(|(id, row)| (id.0, row.won.as_bytes())).unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE ledger_message AS m SET won = n.won
                   FROM unnest($1::uuid[], $2::bytea[]) AS n (id, won) WHERE m.id = n.id";
        sqlx::query(sql)
            .bind(ids)
            .bind(won)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Rows of sources as columns.
struct SourceColumns<'a> {
    tenants: Vec<i32>,
    sources: Vec<Uuid>,
    seen: Vec<&'a [u8]>,
    fingerprints: Vec<Option<Uuid>>,
    scopes: Vec<i16>,
    last: Vec<i64>,
}

impl<'a> SourceColumns<'a> {
    fn of(rows: impl Iterator<Item = (i32, Uuid, &'a SourceRow)>, claim: &Claim<'_>) -> Self {
        let mut columns = Self {
            tenants: Vec::new(),
            sources: Vec::new(),
            seen: Vec::new(),
            fingerprints: Vec::new(),
            scopes: Vec::new(),
            last: Vec::new(),
        };
        for (no, source, row) in rows {
            columns.tenants.push(no);
            columns.sources.push(source);
            columns.seen.push(row.seen.as_bytes());
            columns.fingerprints.push(row.fingerprint.map(print));
            columns.scopes.push(scope(row.scope));
            columns.last.push(claim.last(row.newest_event));
        }
        columns
    }
}
