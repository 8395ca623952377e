//! [`OperatorStore`] on SQLite: load, ask [`Held`], write. The one writer makes each of these a turn of its own.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sendry_domain::{
    id::{KeyId, PipelineName, TenantId},
    time::UnixMillis,
};

use super::{
    super::{
        super::operator::{Held, KeyChange, may_reap},
        SqliteStore,
        column::count,
        failure::Failure,
    },
    CONTROL, add_key, changed, list, pipelines, snapshot,
};
use crate::{
    KeyRecord, KeyWritten, ManagedPipeline, OperatorStore, Stamp, StoreError, Superseder,
    TenantRecord, Written,
};

#[async_trait]
impl OperatorStore for SqliteStore {
    async fn claim_epoch(&self) -> Result<u64, StoreError> {
        let claimed = self.writer.transact(|t, _| claim(t)).await;
        claimed.map_err(|f| f.at(CONTROL, "claim the leader's epoch"))
    }

    async fn tenant(
        &self,
        tenant: &TenantId,
    ) -> Result<(Option<TenantRecord>, Vec<KeyRecord>), StoreError> {
        let tenant = tenant.clone();
        let found = self
            .readers
            .read(move |snapshot| snapshot::with_keys(snapshot, &tenant));
        found
            .await
            .map_err(|f| f.at(CONTROL, "read a tenant and its keys"))
    }

    async fn apply_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantRecord,
    ) -> Result<Written, StoreError> {
        let (stamp, tenant) = (*stamp, tenant.clone());
        let applied = self.writer.transact(move |t, _| {
            let held = held(t, &tenant.id)?;
            write(t, held.apply(&stamp, &tenant))
        });
        self.told(applied.await, "apply a tenant")
    }

    async fn retain_tenant(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        at: UnixMillis,
    ) -> Result<Written, StoreError> {
        let (stamp, tenant) = (*stamp, tenant.clone());
        let retained = self
            .writer
            .transact(move |t, _| write(t, held(t, &tenant)?.retain(&stamp, at)));
        self.told(retained.await, "retain a tenant")
    }

    async fn apply_key(&self, stamp: &Stamp, key: &KeyRecord) -> Result<KeyWritten, StoreError> {
        let (stamp, key) = (*stamp, key.clone());
        let applied = self.writer.transact(move |t, _| apply_key(t, &stamp, &key));
        self.told(applied.await, "apply an API key")?
    }

    async fn reap_key(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        id: &KeyId,
    ) -> Result<Written, StoreError> {
        let (stamp, tenant, id) = (*stamp, tenant.clone(), id.clone());
        let reaped = self
            .writer
            .transact(move |t, _| reap_key(t, &stamp, &tenant, &id));
        self.told(reaped.await, "reap an API key")
    }

    async fn pipelines(&self, tenant: &TenantId) -> Result<Vec<ManagedPipeline>, StoreError> {
        let tenant = tenant.clone();
        let found = self.readers.read(move |s| pipelines::of_tenant(s, &tenant));
        found
            .await
            .map_err(|f| f.at(CONTROL, "read a tenant's pipelines"))
    }

    async fn apply_pipeline(
        &self,
        stamp: &Stamp,
        pipeline: &ManagedPipeline,
    ) -> Result<Written, StoreError> {
        let (stamp, pipeline) = (*stamp, pipeline.clone());
        let applied = self
            .writer
            .transact(move |t, _| pipelines::apply(t, &stamp, &pipeline));
        self.told(applied.await, "apply a pipeline")?
    }

    async fn remove_pipeline(
        &self,
        stamp: &Stamp,
        tenant: &TenantId,
        name: &PipelineName,
    ) -> Result<Written, StoreError> {
        let (stamp, tenant, name) = (*stamp, tenant.clone(), name.clone());
        let removed = self
            .writer
            .transact(move |t, _| pipelines::remove(t, &stamp, &tenant, &name));
        self.told(removed.await, "remove a pipeline")
    }
}

fn claim(transaction: &Connection) -> Result<u64, Failure> {
    let sql = "UPDATE control SET epoch = epoch + 1 RETURNING epoch";
    let mut statement = transaction.prepare_cached(sql)?;
    Ok(count(statement.query_row([], |row| row.get(0))?))
}

fn held(transaction: &Connection, tenant: &TenantId) -> Result<Held, Failure> {
    let mut statement = transaction.prepare_cached("SELECT epoch FROM control")?;
    let epoch = statement.query_row([], |row| row.get(0))?;
    Ok(Held {
        epoch: count(epoch),
        tenant: snapshot::one_tenant(transaction, tenant)?,
    })
}

/// Writes a tenant as it was decided.
fn write(
    transaction: &Connection,
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
    let sql =
        "INSERT INTO tenant_setting (id, suspended, per_second, burst, window, raw_retention, retained_at, max_payload)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   suspended = excluded.suspended, per_second = excluded.per_second,
                   burst = excluded.burst, window = excluded.window,
                   raw_retention = excluded.raw_retention, retained_at = excluded.retained_at,
                   max_payload = excluded.max_payload
               WHERE (suspended, per_second, burst, window, raw_retention, retained_at, max_payload)
                   IS NOT (excluded.suspended, excluded.per_second, excluded.burst,
                           excluded.window, excluded.raw_retention, excluded.retained_at,
                           excluded.max_payload)";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        id.as_str(),
        suspended,
        rate.map(|r| r.per_second),
        rate.map(|r| r.burst),
        window.past(),
        raw_retention,
        retained_at.map(|t| t.0),
        max_payload,
    ])?;
    changed(transaction, rows)?;
    if let Some(stamp) = stamp {
        let sql = "INSERT OR REPLACE INTO tenant_stamp (tenant, epoch, uid, generation)
                   VALUES (?, ?, ?, ?)";
        transaction.prepare_cached(sql)?.execute(params![
            id.as_str(),
            i64::try_from(stamp.epoch).unwrap_or(i64::MAX),
            stamp.uid.as_bytes(),
            stamp.generation,
        ])?;
    }
    Ok(Written::Done)
}

fn apply_key(
    transaction: &Connection,
    stamp: &Stamp,
    key: &KeyRecord,
) -> Result<Result<KeyWritten, StoreError>, Failure> {
    let there = snapshot::one_key(transaction, &key.id)?;
    let decided = held(transaction, &key.tenant)?.key(stamp, there.as_ref(), key);
    match decided {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(KeyChange::Answer(answer)) => return Ok(Ok(answer)),
        Ok(KeyChange::Make(key)) => add_key(transaction, &key)?,
        Ok(KeyChange::Write(key)) => rewrite_key(transaction, &key)?,
    }
    Ok(Ok(KeyWritten::Done))
}

fn rewrite_key(transaction: &Connection, key: &KeyRecord) -> Result<(), Failure> {
    let sql =
        "UPDATE api_key SET name = ?, services = ?, not_after = ?, revoked_at = ?, published = ?
               WHERE id = ?";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        key.name,
        list(&key.services)?,
        key.not_after.map(|t| t.0),
        key.revoked_at.map(|t| t.0),
        key.managed.as_ref().map(|managed| managed.published),
        key.id.as_str(),
    ])?;
    changed(transaction, rows)
}

fn reap_key(
    transaction: &Connection,
    stamp: &Stamp,
    tenant: &TenantId,
    id: &KeyId,
) -> Result<Written, Failure> {
    if let Some(by) = held(transaction, tenant)?.superseder(stamp) {
        return Ok(Written::Superseded { by });
    }
    let there = snapshot::one_key(transaction, id)?;
    if there.is_some_and(|key| may_reap(&key, tenant)) {
        let sql = "DELETE FROM api_key WHERE id = ?";
        let rows = transaction.prepare_cached(sql)?.execute([id.as_str()])?;
        changed(transaction, rows)?;
    }
    Ok(Written::Done)
}
