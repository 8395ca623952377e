//! All settings at once.

use sendry_domain::{
    api_key::KeyHash,
    id::{KeyId, PipelineName, TenantId},
    limit::Rate,
    time::UnixMillis,
    window::Window,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    super::{column::count, database::Work, failure::Failure},
    version,
};
use crate::{ControlSnapshot, KeyRecord, ManagedKey, PipelineRecord, Stamp, TenantRecord};

/// What [`tenant`] reads.
macro_rules! tenants {
    ($tail:literal) => {
        concat!(
            "SELECT t.id, t.suspended, t.per_second, t.burst, t.window_past, t.raw_retention,
                    t.retained_at, s.epoch, s.uid, s.generation, t.max_payload
             FROM tenant_setting AS t LEFT JOIN tenant_stamp AS s ON s.tenant = t.id ",
            $tail
        )
    };
}

/// What [`key`] reads.
macro_rules! keys {
    ($tail:literal) => {
        concat!(
            "SELECT id, tenant, hash, name, services, networks, backfill, created_at, not_after,
                    revoked_at, entry, published
             FROM api_key ",
            $tail
        )
    };
}

/// Reads everything, each list in the order of its names. The transaction's one snapshot makes version and lists agree.
pub fn read<'a>(connection: &'a mut PgConnection, (): &'a ()) -> Work<'a, ControlSnapshot> {
    Box::pin(async move {
        Ok(ControlSnapshot {
            version: version(connection, &()).await?,
            tenants: all(connection, tenants!("ORDER BY t.id COLLATE \"C\""), tenant).await?,
            pipelines: all(
                connection,
                "SELECT tenant, name, services, environments, created_at, retired
                 FROM pipeline ORDER BY tenant COLLATE \"C\", name COLLATE \"C\"",
                pipeline,
            )
            .await?,
            keys: all(connection, keys!("ORDER BY id COLLATE \"C\""), key).await?,
        })
    })
}

/// One tenant and its keys, in the order of their ids.
pub fn with_keys<'a>(
    connection: &'a mut PgConnection,
    tenant: &'a TenantId,
) -> Work<'a, (Option<TenantRecord>, Vec<KeyRecord>)> {
    Box::pin(async move {
        let record = one_tenant(connection, tenant).await?;
        let sql = keys!("WHERE tenant = $1 ORDER BY id COLLATE \"C\"");
        let rows = sqlx::query(sql).bind(tenant.as_str());
        let rows = rows.fetch_all(connection).await?;
        let keys: Result<_, Failure> = rows.iter().map(key).collect();
        Ok((record, keys?))
    })
}

/// One tenant.
pub async fn one_tenant(
    connection: &mut PgConnection,
    id: &TenantId,
) -> Result<Option<TenantRecord>, Failure> {
    let found = sqlx::query(tenants!("WHERE t.id = $1")).bind(id.as_str());
    let found = found.fetch_optional(connection).await?;
    found.as_ref().map(tenant).transpose()
}

/// One key.
pub async fn one_key(
    connection: &mut PgConnection,
    id: &KeyId,
) -> Result<Option<KeyRecord>, Failure> {
    let found = sqlx::query(keys!("WHERE id = $1")).bind(id.as_str());
    let found = found.fetch_optional(connection).await?;
    found.as_ref().map(key).transpose()
}

async fn all<T>(
    connection: &mut PgConnection,
    sql: &'static str,
    read: fn(&PgRow) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn tenant(row: &PgRow) -> Result<TenantRecord, Failure> {
    let part = |column: Option<i64>| {
        column
            .map(u32::try_from)
            .transpose()
            .map_err(Failure::damaged)
    };
    let rate = match (part(row.try_get(2)?)?, part(row.try_get(3)?)?) {
        (Some(per_second), Some(burst)) => Some(Rate { per_second, burst }),
        _ => None,
    };
    Ok(TenantRecord {
        id: name(row, 0)?,
        suspended: row.try_get(1)?,
        rate,
        window: Window::live(row.try_get(4)?),
        raw_retention: row.try_get(5)?,
        max_payload: part(row.try_get(10)?)?,
        retained_at: row.try_get::<Option<i64>, _>(6)?.map(UnixMillis),
        stamp: stamp(row)?,
    })
}

fn stamp(row: &PgRow) -> Result<Option<Stamp>, Failure> {
    let Some(epoch) = row.try_get(7)? else {
        return Ok(None);
    };
    Ok(Some(Stamp {
        epoch: count(epoch),
        uid: row.try_get(8)?,
        generation: row.try_get(9)?,
    }))
}

fn pipeline(row: &PgRow) -> Result<PipelineRecord, Failure> {
    Ok(PipelineRecord {
        tenant: name(row, 0)?,
        name: PipelineName::new(row.try_get(1)?).map_err(Failure::damaged)?,
        services: row.try_get(2)?,
        environments: row.try_get(3)?,
        created_at: UnixMillis(row.try_get(4)?),
        retired: row.try_get(5)?,
    })
}

fn key(row: &PgRow) -> Result<KeyRecord, Failure> {
    let hash: &[u8] = row.try_get(2)?;
    let hash = hash.try_into().map_err(Failure::damaged)?;
    let time =
        |column| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, usize>(column)?.map(UnixMillis));
    Ok(KeyRecord {
        id: KeyId::new(row.try_get(0)?).map_err(Failure::damaged)?,
        tenant: name(row, 1)?,
        hash: KeyHash(hash),
        name: row.try_get(3)?,
        services: row.try_get(4)?,
        networks: row.try_get(5)?,
        backfill: row.try_get(6)?,
        created_at: UnixMillis(row.try_get(7)?),
        not_after: time(8)?,
        revoked_at: time(9)?,
        managed: managed(row.try_get(10)?, row.try_get(11)?),
    })
}

fn managed(entry: Option<String>, published: Option<bool>) -> Option<ManagedKey> {
    Some(ManagedKey {
        entry: entry?,
        published: published?,
    })
}

fn name(row: &PgRow, column: usize) -> Result<TenantId, Failure> {
    TenantId::new(row.try_get(column)?).map_err(Failure::damaged)
}
