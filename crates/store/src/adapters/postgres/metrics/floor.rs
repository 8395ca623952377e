//! The lock that counting shares and the movers of floors and marks take alone.
//!
//! A count reads its tenants' floors under this lock and holds it to its end. Whoever moves a floor waits for all counts
//! that read the old one, so no row of the ledger leaves while a transaction still counts by a floor that lies before it.
//! The same wait lets a derivation know that no count is under way that has seen a mark and not yet committed.
//!
//! An advisory lock: nothing is written for it, and it is waited for in the order of asking, so a purge gets its turn.

use std::collections::HashMap;

use sendry_domain::{id::TenantId, time::UnixMillis};
use sqlx::{PgConnection, Row};

use super::super::{failure::Failure, names::Shared};

/// The first half of the lock's key; the second is the tenant's number. "Sdry" in ASCII.
pub const CLASS: i32 = 0x5364_7279;

/// Holds tenants where they are until the transaction ends. `tenants` ascend.
pub async fn share(connection: &mut PgConnection, tenants: &[i32]) -> Result<(), Failure> {
    let sql = "SELECT pg_advisory_xact_lock_shared($1, no) FROM unnest($2::int4[]) AS no";
    sqlx::query(sql)
        .bind(CLASS)
        .bind(tenants)
        .execute(connection)
        .await?;
    Ok(())
}

/// Waits for every count of the tenant that is under way, and lets none begin until the transaction ends.
pub async fn alone(connection: &mut PgConnection, tenant: i32) -> Result<(), Failure> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(CLASS)
        .bind(tenant)
        .execute(connection)
        .await?;
    Ok(())
}

/// The floors of tenants. A statement of its own: one that took the lock would read what stood before it waited.
pub async fn floors(
    connection: &mut PgConnection,
    names: &HashMap<TenantId, Shared>,
) -> Result<HashMap<TenantId, UnixMillis>, Failure> {
    let numbers: Vec<i32> = names.values().map(|names| names.no).collect();
    let sql = "SELECT no, floor FROM tenant WHERE no = ANY($1) AND floor IS NOT NULL";
    let rows = sqlx::query(sql).bind(numbers).fetch_all(connection).await?;
    let mut by_number = HashMap::with_capacity(rows.len());
    for row in rows {
        by_number.insert(row.try_get::<i32, _>(0)?, UnixMillis(row.try_get(1)?));
    }
    let floor = |(tenant, names): (&TenantId, &Shared)| {
        let floor = by_number.get(&names.no)?;
        Some((tenant.clone(), *floor))
    };
    Ok(names.iter().filter_map(floor).collect())
}
