//! All settings at once.

use rusqlite::{Connection, OptionalExtension, Params, Row};
use sendry_domain::{
    api_key::KeyHash,
    id::{KeyId, PipelineName, TenantId},
    limit::Rate,
    time::UnixMillis,
    window::Window,
};
use uuid::Uuid;

use super::{
    super::{column::count, failure::Failure, names},
    version,
};
use crate::{ControlSnapshot, KeyRecord, ManagedKey, PipelineRecord, Stamp, TenantRecord};

/// What [`tenant`] reads.
macro_rules! tenants {
    ($tail:literal) => {
        concat!(
            "SELECT t.id, t.suspended, t.per_second, t.burst, t.window, t.raw_retention,
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

/// Reads everything, each list in the order of its names.
pub fn read(snapshot: &Connection) -> Result<ControlSnapshot, Failure> {
    Ok(ControlSnapshot {
        version: version(snapshot)?,
        tenants: all(snapshot, tenants!("ORDER BY t.id"), [], tenant)?,
        pipelines: all(
            snapshot,
            "SELECT tenant, name, services, environments, created_at, retired
             FROM pipeline ORDER BY tenant, name",
            [],
            pipeline,
        )?,
        keys: all(snapshot, keys!("ORDER BY id"), [], key)?,
    })
}

/// One tenant and its keys, in the order of their ids.
pub fn with_keys(
    snapshot: &Connection,
    tenant: &TenantId,
) -> Result<(Option<TenantRecord>, Vec<KeyRecord>), Failure> {
    let sql = keys!("WHERE tenant = ? ORDER BY id");
    let keys = all(snapshot, sql, [tenant.as_str()], key)?;
    Ok((one_tenant(snapshot, tenant)?, keys))
}

/// One tenant.
pub fn one_tenant(
    snapshot: &Connection,
    tenant: &TenantId,
) -> Result<Option<TenantRecord>, Failure> {
    let sql = tenants!("WHERE t.id = ?");
    one(snapshot, sql, tenant.as_str(), self::tenant)
}

/// One key.
pub fn one_key(snapshot: &Connection, id: &KeyId) -> Result<Option<KeyRecord>, Failure> {
    one(snapshot, keys!("WHERE id = ?"), id.as_str(), key)
}

fn one<T>(
    snapshot: &Connection,
    sql: &str,
    name: &str,
    read: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut statement = snapshot.prepare_cached(sql)?;
    let found = statement.query_row([name], |row| Ok(read(row)));
    found.optional()?.transpose()
}

fn all<T>(
    snapshot: &Connection,
    sql: &str,
    of: impl Params,
    read: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query(of)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(row)?);
    }
    Ok(records)
}

fn tenant(row: &Row<'_>) -> Result<TenantRecord, Failure> {
    let rate = match (row.get(2)?, row.get(3)?) {
        (Some(per_second), Some(burst)) => Some(Rate { per_second, burst }),
        _ => None,
    };
    Ok(TenantRecord {
        id: names::tenant(&row.get::<_, String>(0)?)?,
        suspended: row.get(1)?,
        rate,
        window: Window::live(row.get(4)?),
        raw_retention: row.get(5)?,
        max_payload: row.get(10)?,
        retained_at: row.get::<_, Option<i64>>(6)?.map(UnixMillis),
        stamp: stamp(row)?,
    })
}

fn stamp(row: &Row<'_>) -> Result<Option<Stamp>, Failure> {
    let Some(epoch) = row.get(7)? else {
        return Ok(None);
    };
    Ok(Some(Stamp {
        epoch: count(epoch),
        uid: Uuid::from_bytes(row.get(8)?),
        generation: row.get(9)?,
    }))
}

fn pipeline(row: &Row<'_>) -> Result<PipelineRecord, Failure> {
    Ok(PipelineRecord {
        tenant: names::tenant(&row.get::<_, String>(0)?)?,
        name: PipelineName::new(&row.get::<_, String>(1)?).map_err(Failure::damaged)?,
        services: list(&row.get::<_, String>(2)?)?,
        environments: list(&row.get::<_, String>(3)?)?,
        created_at: UnixMillis(row.get(4)?),
        retired: row.get(5)?,
    })
}

fn key(row: &Row<'_>) -> Result<KeyRecord, Failure> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|t| t.map(UnixMillis));
    Ok(KeyRecord {
        id: KeyId::new(&row.get::<_, String>(0)?).map_err(Failure::damaged)?,
        tenant: names::tenant(&row.get::<_, String>(1)?)?,
        hash: KeyHash(row.get(2)?),
        name: row.get(3)?,
        services: list(&row.get::<_, String>(4)?)?,
        networks: list(&row.get::<_, String>(5)?)?,
        backfill: row.get(6)?,
        created_at: UnixMillis(row.get(7)?),
        not_after: time(8)?,
        revoked_at: time(9)?,
        managed: managed(row.get(10)?, row.get(11)?),
    })
}

fn managed(entry: Option<String>, published: Option<bool>) -> Option<ManagedKey> {
    Some(ManagedKey {
        entry: entry?,
        published: published?,
    })
}

fn list(column: &str) -> Result<Vec<String>, Failure> {
    serde_json::from_str(column).map_err(Failure::damaged)
}
