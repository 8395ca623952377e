//! All settings at once.

use rusqlite::{Connection, Row};
use sendry_domain::{
    api_key::KeyHash,
    id::{KeyId, PipelineName},
    limit::Rate,
    time::UnixMillis,
    window::Window,
};

use super::{
    super::{failure::Failure, names},
    version,
};
use crate::{ControlSnapshot, KeyRecord, PipelineRecord, TenantRecord};

/// Reads everything, each list in the order of its names.
pub fn read(snapshot: &Connection) -> Result<ControlSnapshot, Failure> {
    Ok(ControlSnapshot {
        version: version(snapshot)?,
        tenants: all(
            snapshot,
            "SELECT id, suspended, per_second, burst, window, raw_retention
             FROM tenant_setting ORDER BY id",
            tenant,
        )?,
        pipelines: all(
            snapshot,
            "SELECT tenant, name, services, environments, created_at, retired
             FROM pipeline ORDER BY tenant, name",
            pipeline,
        )?,
        keys: all(
            snapshot,
            "SELECT id, tenant, hash, name, services, networks, backfill, created_at, not_after,
                    revoked_at
             FROM api_key ORDER BY id",
            key,
        )?,
    })
}

fn all<T>(
    snapshot: &Connection,
    sql: &str,
    read: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
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
    })
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
    })
}

fn list(column: &str) -> Result<Vec<String>, Failure> {
    serde_json::from_str(column).map_err(Failure::damaged)
}
