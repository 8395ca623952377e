//! [`ControlStore`] on SQLite.

mod beats;
mod erase;
mod operator;
mod pipelines;
mod snapshot;

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sendry_domain::{
    beat::Beat,
    id::{KeyId, TenantId},
    time::UnixMillis,
};
use uuid::Uuid;

use super::{SqliteStore, column::count, failure::Failure};
use crate::{ControlSnapshot, ControlStore, KeyRecord, PipelineRecord, StoreError, TenantRecord};

/// The port, in errors.
const CONTROL: &str = "control";

#[async_trait]
impl ControlStore for SqliteStore {
    async fn version(&self) -> Result<u64, StoreError> {
        let version = self.readers.read(version).await;
        version.map_err(|f| f.at(CONTROL, "read the version of the settings"))
    }

    async fn changed(&self, patience: Duration) {
        let change = self.control_changed.notified();
        // The file may also be changed by another process (`sendry keys`), which notifies nobody here.
        let _ = tokio::time::timeout(patience, change).await;
    }

    async fn snapshot(&self) -> Result<ControlSnapshot, StoreError> {
        let snapshot = self.readers.read(snapshot::read).await;
        snapshot.map_err(|f| f.at(CONTROL, "read the settings"))
    }

    async fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        let put = self.writer.transact(move |t, _| put_tenant(t, &tenant));
        self.told(put.await, "put a tenant")
    }

    async fn put_pipeline(&self, pipeline: &PipelineRecord) -> Result<(), StoreError> {
        let pipeline = pipeline.clone();
        let put = self.writer.transact(move |t, _| put_pipeline(t, &pipeline));
        self.told(put.await, "put a pipeline")
    }

    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let key = key.clone();
        let added = self.writer.transact(move |t, _| add_key(t, &key));
        self.told(added.await, "add an API key")
    }

    async fn revoke_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        let revoked = self
            .writer
            .transact(move |t, _| revoke_key(t, &tenant, &id, at));
        self.told(revoked.await, "revoke an API key")
    }

    async fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        let beat = beat.clone();
        let written = self.writer.transact(move |t, _| beats::beat(t, &beat));
        written
            .await
            .map_err(|f| f.at(CONTROL, "write a process's beat"))
    }

    async fn beats(&self) -> Result<Vec<Beat>, StoreError> {
        let read = self.readers.read(beats::read).await;
        read.map_err(|f| f.at(CONTROL, "read the processes' beats"))
    }

    async fn leave(&self, instance: Uuid) -> Result<(), StoreError> {
        let left = self.writer.transact(move |t, _| beats::leave(t, instance));
        left.await
            .map_err(|f| f.at(CONTROL, "remove a process's beat"))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answers = self.answers().await;
        answers.map_err(|f| f.at(CONTROL, "check the store"))
    }
}

impl SqliteStore {
    /// Wakes who waits for a change, and puts a failure into words.
    fn told<T>(&self, written: Result<T, Failure>, doing: &'static str) -> Result<T, StoreError> {
        self.control_changed.notify_waiters();
        written.map_err(|f| f.at(CONTROL, doing))
    }
}

fn version(connection: &Connection) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached("SELECT version FROM control")?;
    Ok(count(statement.query_row([], |row| row.get(0))?))
}

/// Raises the version if the statement before changed `rows`: who writes the same again wakes nobody.
fn changed(transaction: &Connection, rows: usize) -> Result<(), Failure> {
    if rows > 0 {
        let sql = "UPDATE control SET version = version + 1";
        transaction.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// A list's column.
fn list(texts: &[String]) -> Result<String, Failure> {
    serde_json::to_string(texts)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)).into())
}

fn put_tenant(transaction: &Connection, tenant: &TenantRecord) -> Result<(), Failure> {
    let TenantRecord {
        id,
        suspended,
        rate,
        window,
        raw_retention,
        max_payload,
        retained_at: _,
        stamp: _,
    } = tenant;
    let sql =
        "SELECT EXISTS (SELECT 1 FROM tenant_setting WHERE id = ? AND retained_at IS NOT NULL)";
    let mut statement = transaction.prepare_cached(sql)?;
    let retained: bool = statement.query_row([id.as_str()], |row| row.get(0))?;
    let sql = "INSERT INTO tenant_setting (id, suspended, per_second, burst, window, raw_retention, max_payload)
               VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   suspended = excluded.suspended, per_second = excluded.per_second,
                   burst = excluded.burst, window = excluded.window,
                   raw_retention = excluded.raw_retention, max_payload = excluded.max_payload
               WHERE (suspended, per_second, burst, window, raw_retention, max_payload)
                   IS NOT (excluded.suspended, excluded.per_second, excluded.burst,
                           excluded.window, excluded.raw_retention, excluded.max_payload)";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        id.as_str(),
        *suspended || retained,
        rate.map(|r| r.per_second),
        rate.map(|r| r.burst),
        window.past(),
        raw_retention,
        max_payload,
    ])?;
    changed(transaction, rows)
}

fn put_pipeline(transaction: &Connection, pipeline: &PipelineRecord) -> Result<(), Failure> {
    let PipelineRecord {
        tenant,
        name,
        services,
        environments,
        created_at,
        retired,
    } = pipeline;
    let sql = "INSERT INTO pipeline (tenant, name, services, environments, created_at, retired)
               VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   services = excluded.services, environments = excluded.environments,
                   retired = excluded.retired
               WHERE (services, environments, retired)
                   IS NOT (excluded.services, excluded.environments, excluded.retired)";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        tenant.as_str(),
        name.as_str(),
        list(services)?,
        list(environments)?,
        created_at.0,
        retired,
    ])?;
    changed(transaction, rows)
}

fn add_key(transaction: &Connection, key: &KeyRecord) -> Result<(), Failure> {
    let KeyRecord {
        id,
        tenant,
        hash,
        name,
        services,
        networks,
        backfill,
        created_at,
        not_after,
        revoked_at,
        managed,
    } = key;
    let sql =
        "INSERT INTO api_key (id, tenant, hash, name, services, networks, backfill, created_at,
                                    not_after, revoked_at, entry, published)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        id.as_str(),
        tenant.as_str(),
        hash.0,
        name,
        list(services)?,
        list(networks)?,
        backfill,
        created_at.0,
        not_after.map(|t| t.0),
        revoked_at.map(|t| t.0),
        managed.as_ref().map(|managed| &managed.entry),
        managed.as_ref().map(|managed| managed.published),
    ])?;
    changed(transaction, rows)
}

fn revoke_key(
    transaction: &Connection,
    tenant: &TenantId,
    id: &KeyId,
    at: UnixMillis,
) -> Result<bool, Failure> {
    let sql = "UPDATE api_key SET revoked_at = ?
               WHERE id = ? AND tenant = ? AND revoked_at IS NULL";
    let key = params![at.0, id.as_str(), tenant.as_str()];
    let rows = transaction.prepare_cached(sql)?.execute(key)?;
    changed(transaction, rows)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM api_key WHERE id = ? AND tenant = ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    Ok(statement.query_row([id.as_str(), tenant.as_str()], |row| row.get(0))?)
}
