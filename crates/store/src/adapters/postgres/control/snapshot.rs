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
    super::{database::Work, failure::Failure},
    version,
};
use crate::{ControlSnapshot, KeyRecord, PipelineRecord, TenantRecord};

/// Reads everything, each list in the order of its names. The transaction's one snapshot makes version and lists agree.
pub fn read<'a>(connection: &'a mut PgConnection, (): &'a ()) -> Work<'a, ControlSnapshot> {
    Box::pin(async move {
        Ok(ControlSnapshot {
            version: version(connection, &()).await?,
            tenants: all(
                connection,
                "SELECT id, suspended, per_second, burst, window_past, raw_retention
                 FROM tenant_setting ORDER BY id COLLATE \"C\"",
                tenant,
            )
            .await?,
            pipelines: all(
                connection,
                "SELECT tenant, name, services, environments, created_at, retired
                 FROM pipeline ORDER BY tenant COLLATE \"C\", name COLLATE \"C\"",
                pipeline,
            )
            .await?,
            keys: all(
                connection,
                "SELECT id, tenant, hash, name, services, networks, backfill, created_at, not_after,
                        revoked_at
                 FROM api_key ORDER BY id COLLATE \"C\"",
                key,
            )
            .await?,
        })
    })
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
    })
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
    })
}

fn name(row: &PgRow, column: usize) -> Result<TenantId, Failure> {
    TenantId::new(row.try_get(column)?).map_err(Failure::damaged)
}
