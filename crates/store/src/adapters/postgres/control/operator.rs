//! [`OperatorStore`] on PostgreSQL: load, ask [`Held`], write, in one transaction that holds the settings alone
//! ([`alone`]), so that what was decided by is what stands when it is written.

use async_trait::async_trait;
use sendry_domain::{
    id::{KeyId, PipelineName, TenantId},
    time::UnixMillis,
};
use sqlx::PgConnection;

use super::{
    super::{
        super::operator::{Held, KeyChange, may_reap},
        PostgresStore,
        column::{count, stored},
        database::Work,
        failure::Failure,
    },
    CONTROL, alone, insert_key, pipelines, snapshot,
};
use crate::{
    KeyRecord, KeyWritten, ManagedPipeline, OperatorStore, Stamp, StoreError, Superseder,
    TenantRecord, Written,
};

#[async_trait]
impl OperatorStore for PostgresStore {
    async fn claim_epoch(&self) -> Result<u64, StoreError> {
        let claimed = self.database.transact(None, (), claim).await;
        claimed.map_err(|f| f.at(CONTROL, "claim the leader's epoch"))
    }

    async fn tenant(
        &self,
        tenant: &TenantId,
    ) -> Result<(Option<TenantRecord>, Vec<KeyRecord>), StoreError> {
        let found = self
            .database
            .read(None, tenant.clone(), snapshot::with_keys);
        found
            .await
            .map_err(|f| f.at(CONTROL, "read a tenant and its keys"))
    }

    async fn apply_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantRecord,
    ) -> Result<Written, StoreError> {
        let write = (*stamp, tenant.clone());
        let applied = self.database.transact(None, write, apply_tenant).await;
        applied.map_err(|f| f.at(CONTROL, "apply a tenant"))
    }

    async fn retain_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        at: UnixMillis,
    ) -> Result<Written, StoreError> {
        let write = (*stamp, tenant.clone(), at);
        let retained = self.database.transact(None, write, retain_tenant).await;
        retained.map_err(|f| f.at(CONTROL, "retain a tenant"))
    }

    async fn apply_key(&self, stamp: &Stamp, key: &KeyRecord) -> Result<KeyWritten, StoreError> {
        let write = (*stamp, key.clone());
        let applied = self.database.transact(None, write, apply_key).await;
        applied.map_err(|f| f.at(CONTROL, "apply an API key"))?
    }

    async fn reap_key(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        id: &KeyId,
    ) -> Result<Written, StoreError> {
        let write = (*stamp, tenant.clone(), id.clone());
        let reaped = self.database.transact(None, write, reap_key).await;
        reaped.map_err(|f| f.at(CONTROL, "reap an API key"))
    }

    async fn pipelines(&self, tenant: &TenantId) -> Result<Vec<ManagedPipeline>, StoreError> {
        let found = self
            .database
            .read(None, tenant.clone(), pipelines::of_tenant);
        found
            .await
            .map_err(|f| f.at(CONTROL, "read a tenant's pipelines"))
    }

    async fn apply_pipeline(
        &self,
        stamp: &Stamp,
        pipeline: &ManagedPipeline,
    ) -> Result<Written, StoreError> {
        let write = (*stamp, pipeline.clone());
        let applied = self.database.transact(None, write, pipelines::apply).await;
        applied.map_err(|f| f.at(CONTROL, "apply a pipeline"))?
    }

    async fn remove_pipeline(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        name: &PipelineName,
    ) -> Result<Written, StoreError> {
        let write = (*stamp, tenant.clone(), name.clone());
        let removed = self.database.transact(None, write, pipelines::remove).await;
        removed.map_err(|f| f.at(CONTROL, "remove a pipeline"))
    }
}

fn claim<'a>(connection: &'a mut PgConnection, (): &'a ()) -> Work<'a, u64> {
    Box::pin(async move {
        let sql = "UPDATE control SET epoch = epoch + 1 RETURNING epoch";
        let epoch = sqlx::query_scalar(sql).fetch_one(connection).await?;
        Ok(count(epoch))
    })
}

async fn held(connection: &mut PgConnection, tenant: &TenantId) -> Result<Held, Failure> {
    Ok(Held {
        epoch: alone(connection).await?,
        tenant: snapshot::one_tenant(connection, tenant).await?,
    })
}

fn apply_tenant<'a>(
    connection: &'a mut PgConnection,
    (stamp, tenant): &'a (Stamp, TenantRecord),
) -> Work<'a, Written> {
    Box::pin(async move {
        let held = held(connection, &tenant.id).await?;
        write(connection, held.apply(stamp, tenant)).await
    })
}

fn retain_tenant<'a>(
    connection: &'a mut PgConnection,
    (stamp, tenant, at): &'a (Stamp, TenantId, UnixMillis),
) -> Work<'a, Written> {
    Box::pin(async move {
        let held = held(connection, tenant).await?;
        write(connection, held.retain(stamp, *at)).await
    })
}

/// Writes a tenant as it was decided.
async fn write(
    connection: &mut PgConnection,
    decided: Result<Option<TenantRecord>, Superseder>,
) -> Result<Written, Failure> {
    let tenant = match decided {
        Err(by) => return Ok(Written::Superseded { by }),
        Ok(None) => return Ok(Written::Done),
        Ok(Some(tenant)) => tenant,
    };
    let TenantRecord {
        id,
        suspended,
        rate,
        window,
        raw_retention,
        max_payload,
        retained_at,
        stamp,
    } = &tenant;
    let sql = "INSERT INTO tenant_setting AS s
                   (id, suspended, per_second, burst, window_past, raw_retention, retained_at, max_payload)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (id) DO UPDATE SET
                   suspended = excluded.suspended, per_second = excluded.per_second,
                   burst = excluded.burst, window_past = excluded.window_past,
                   raw_retention = excluded.raw_retention, retained_at = excluded.retained_at,
                   max_payload = excluded.max_payload
               WHERE s IS DISTINCT FROM excluded";
    sqlx::query(sql)
        .bind(id.as_str())
        .bind(suspended)
        .bind(rate.map(|r| i64::from(r.per_second)))
        .bind(rate.map(|r| i64::from(r.burst)))
        .bind(window.past())
        .bind(raw_retention)
        .bind(retained_at.map(|t| t.0))
        .bind(max_payload.map(i64::from))
        .execute(&mut *connection)
        .await?;
    if let Some(stamp) = stamp {
        let sql = "INSERT INTO tenant_stamp (tenant, epoch, uid, generation) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (tenant) DO UPDATE SET
                       epoch = excluded.epoch, uid = excluded.uid, generation = excluded.generation";
        sqlx::query(sql)
            .bind(id.as_str())
            .bind(stored(stamp.epoch))
            .bind(stamp.uid)
            .bind(stamp.generation)
            .execute(connection)
            .await?;
    }
    Ok(Written::Done)
}

fn apply_key<'a>(
    connection: &'a mut PgConnection,
    (stamp, key): &'a (Stamp, KeyRecord),
) -> Work<'a, Result<KeyWritten, StoreError>> {
    Box::pin(async move {
        let held = held(connection, &key.tenant).await?;
        let there = snapshot::one_key(connection, &key.id).await?;
        match held.key(stamp, there.as_ref(), key) {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(KeyChange::Answer(answer)) => return Ok(Ok(answer)),
            Ok(KeyChange::Make(key)) => insert_key(connection, &key).await?,
            Ok(KeyChange::Write(key)) => rewrite_key(connection, &key).await?,
        }
        Ok(Ok(KeyWritten::Done))
    })
}

async fn rewrite_key(connection: &mut PgConnection, key: &KeyRecord) -> Result<(), Failure> {
    let sql = "UPDATE api_key SET name = $2, services = $3, not_after = $4, revoked_at = $5, published = $6
               WHERE id = $1";
    sqlx::query(sql)
        .bind(key.id.as_str())
        .bind(&key.name)
        .bind(&key.services)
        .bind(key.not_after.map(|t| t.0))
        .bind(key.revoked_at.map(|t| t.0))
        .bind(key.managed.as_ref().map(|managed| managed.published))
        .execute(connection)
        .await?;
    Ok(())
}

fn reap_key<'a>(
    connection: &'a mut PgConnection,
    (stamp, tenant, id): &'a (Stamp, TenantId, KeyId),
) -> Work<'a, Written> {
    Box::pin(async move {
        if let Some(by) = held(connection, tenant).await?.superseder(stamp) {
            return Ok(Written::Superseded { by });
        }
        let there = snapshot::one_key(connection, id).await?;
        if there.is_some_and(|key| may_reap(&key, tenant)) {
            let sql = "DELETE FROM api_key WHERE id = $1";
            let removed = sqlx::query(sql).bind(id.as_str());
            removed.execute(connection).await?;
        }
        Ok(Written::Done)
    })
}
