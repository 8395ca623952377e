//! [`ControlStore`] on PostgreSQL.
//!
//! **Guarantee.** The version is raised, and listeners are told, by triggers in the transaction of the change itself, so
//! neither can be forgotten, also where a person changes a row by hand. Who writes the same again raises nothing.

mod beats;
mod changes;
mod erase;
mod operator;
mod pipelines;
mod snapshot;

use std::time::Duration;

use async_trait::async_trait;
use sendry_domain::{
    beat::Beat,
    id::{KeyId, TenantId},
    time::UnixMillis,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{PostgresStore, column::count, database::Work, failure::Failure};
use crate::{ControlSnapshot, ControlStore, KeyRecord, PipelineRecord, StoreError, TenantRecord};

pub use changes::Changes;

/// The port, in errors.
const CONTROL: &str = "control";

#[async_trait]
impl ControlStore for PostgresStore {
    async fn version(&self) -> Result<u64, StoreError> {
        let version = self.database.read(None, (), version).await;
        version.map_err(|f| f.at(CONTROL, "read the version of the settings"))
    }

    async fn changed(&self, patience: Duration) {
        self.changes.wait(patience).await;
    }

    async fn snapshot(&self) -> Result<ControlSnapshot, StoreError> {
        let snapshot = self.database.read(None, (), snapshot::read).await;
        snapshot.map_err(|f| f.at(CONTROL, "read the settings"))
    }

    async fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), StoreError> {
        let put = self.database.transact(None, tenant.clone(), put_tenant);
        put.await.map_err(|f| f.at(CONTROL, "put a tenant"))
    }

    async fn put_pipeline(&self, pipeline: &PipelineRecord) -> Result<(), StoreError> {
        let put = self.database.transact(None, pipeline.clone(), put_pipeline);
        put.await.map_err(|f| f.at(CONTROL, "put a pipeline"))
    }

    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let added = self.database.transact(None, key.clone(), add_key);
        added.await.map_err(|f| f.at(CONTROL, "add an API key"))
    }

    async fn revoke_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        let revocation = (tenant.clone(), id.clone(), at);
        let revoked = self.database.transact(None, revocation, revoke_key).await;
        revoked.map_err(|f| f.at(CONTROL, "revoke an API key"))
    }

    async fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        let written = self.database.transact(None, beat.clone(), beats::beat);
        let written = written.await;
        written.map_err(|f| f.at(CONTROL, "write a process's beat"))
    }

    async fn beats(&self) -> Result<Vec<Beat>, StoreError> {
        let read = self.database.read(None, (), beats::read).await;
        read.map_err(|f| f.at(CONTROL, "read the processes' beats"))
    }

    async fn leave(&self, instance: Uuid) -> Result<(), StoreError> {
        let left = self.database.transact(None, instance, beats::leave).await;
        left.map_err(|f| f.at(CONTROL, "remove a process's beat"))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answers = self.database.read(None, (), version).await;
        let answers = answers.map(|_| ());
        answers.map_err(|f| f.at(CONTROL, "check the store"))
    }
}

fn version<'a>(connection: &'a mut PgConnection, (): &'a ()) -> Work<'a, u64> {
    Box::pin(async move {
        let sql = "SELECT version FROM control";
        let version: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
        Ok(version.max(0).unsigned_abs())
    })
}

/// Holds the settings alone until the transaction ends, and says which epoch they are at. To be called first: the trigger
/// of every change ([`version`]) takes this lock at its end, and two changes that took it in different orders would wait
/// for each other. Readers do not wait.
async fn alone(connection: &mut PgConnection) -> Result<u64, Failure> {
    let sql = "SELECT epoch FROM control FOR NO KEY UPDATE";
    let epoch = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(count(epoch))
}

fn put_tenant<'a>(connection: &'a mut PgConnection, tenant: &'a TenantRecord) -> Work<'a, ()> {
    Box::pin(async move {
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
        alone(connection).await?;
        let sql = "INSERT INTO tenant_setting AS s
                       (id, suspended, per_second, burst, window_past, raw_retention, max_payload)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (id) DO UPDATE SET
                       suspended = excluded.suspended OR s.retained_at IS NOT NULL,
                       per_second = excluded.per_second, burst = excluded.burst,
                       window_past = excluded.window_past, raw_retention = excluded.raw_retention,
                       max_payload = excluded.max_payload
                   WHERE (s.suspended, s.per_second, s.burst, s.window_past, s.raw_retention, s.max_payload)
                       IS DISTINCT FROM
                       (excluded.suspended OR s.retained_at IS NOT NULL, excluded.per_second,
                        excluded.burst, excluded.window_past, excluded.raw_retention, excluded.max_payload)";
        sqlx::query(sql)
            .bind(id.as_str())
            .bind(suspended)
            .bind(rate.map(|r| i64::from(r.per_second)))
            .bind(rate.map(|r| i64::from(r.burst)))
            .bind(window.past())
            .bind(raw_retention)
            .bind(max_payload.map(i64::from))
            .execute(connection)
            .await?;
        Ok(())
    })
}

fn put_pipeline<'a>(
    connection: &'a mut PgConnection,
    pipeline: &'a PipelineRecord,
) -> Work<'a, ()> {
    Box::pin(async move {
        let PipelineRecord {
            tenant,
            name,
            services,
            environments,
            created_at,
            retired,
        } = pipeline;
        alone(connection).await?;
        let sql = "INSERT INTO pipeline AS p
                       (tenant, name, services, environments, created_at, retired)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (tenant, name) DO UPDATE SET
                       services = excluded.services, environments = excluded.environments,
                       retired = excluded.retired
                   WHERE (p.services, p.environments, p.retired)
                       IS DISTINCT FROM (excluded.services, excluded.environments, excluded.retired)";
        sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(name.as_str())
            .bind(services)
            .bind(environments)
            .bind(created_at.0)
            .bind(retired)
            .execute(connection)
            .await?;
        Ok(())
    })
}

fn add_key<'a>(connection: &'a mut PgConnection, key: &'a KeyRecord) -> Work<'a, ()> {
    Box::pin(async move {
        alone(connection).await?;
        insert_key(connection, key).await
    })
}

async fn insert_key(connection: &mut PgConnection, key: &KeyRecord) -> Result<(), Failure> {
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
    let sql = "INSERT INTO api_key (id, tenant, hash, name, services, networks, backfill,
                                    created_at, not_after, revoked_at, entry, published)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    sqlx::query(sql)
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(hash.0.as_slice())
        .bind(name)
        .bind(services)
        .bind(networks)
        .bind(backfill)
        .bind(created_at.0)
        .bind(not_after.map(|t| t.0))
        .bind(revoked_at.map(|t| t.0))
        .bind(managed.as_ref().map(|managed| &managed.entry))
        .bind(managed.as_ref().map(|managed| managed.published))
        .execute(connection)
        .await?;
    Ok(())
}

fn revoke_key<'a>(
    connection: &'a mut PgConnection,
    (tenant, id, at): &'a (TenantId, KeyId, UnixMillis),
) -> Work<'a, bool> {
    Box::pin(async move {
        alone(connection).await?;
        let sql = "UPDATE api_key SET revoked_at = $3
                   WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL";
        sqlx::query(sql)
            .bind(id.as_str())
            .bind(tenant.as_str())
            .bind(at.0)
            .execute(&mut *connection)
            .await?;
        let sql = "SELECT EXISTS (SELECT FROM api_key WHERE id = $1 AND tenant = $2)";
        let exists = sqlx::query_scalar(sql)
            .bind(id.as_str())
            .bind(tenant.as_str())
            .fetch_one(connection)
            .await?;
        Ok(exists)
    })
}
