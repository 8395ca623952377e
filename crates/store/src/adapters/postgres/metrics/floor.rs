//! The lock that counting shares and the movers of floors and marks take alone.
//!
//! A count reads its tenants' floors under this lock and holds it to its end. Whoever moves a floor waits for all counts
//! that read the old one, so no row of the ledger leaves while a transaction still counts by a floor that lies before it.
//! The same wait lets a derivation know that no count is under way that has seen a mark and not yet committed.
//!
//! An advisory lock: nothing is written for it, and it is waited for in the order of asking, so a purge gets its turn.

use std::collections::{BTreeSet, HashMap};

use sendry_domain::{counting::Known, id::TenantId, time::UnixMillis};
use sqlx::{PgConnection, Row};

use super::super::{failure::Failure, names::Shared};

/// The first half of the lock's key; the second is the tenant's number. "Sdry" in ASCII.
pub const CLASS: i32 = 0x5364_7279;

/// Holds tenants where they are until the transaction ends. `tenants` ascend.
async fn share(connection: &mut PgConnection, tenants: &[i32]) -> Result<(), Failure> {
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

/// Where tenants stand: their floors, and when they were erased.
///
/// Takes the lock ([`share`]) first. A statement of its own reads them: one that took the lock would read what stood before
/// it waited. Fails with [`Failure::Renumbered`] where a tenant has no such number any more.
pub async fn stand(
    connection: &mut PgConnection,
    names: &HashMap<TenantId, Shared>,
) -> Result<Known, Failure> {
    let numbers: BTreeSet<i32> = names.values().map(|names| names.no).collect();
    let numbers: Vec<i32> = numbers.into_iter().collect();
    share(connection, &numbers).await?;
    let sql = "SELECT no, floor, erased_at FROM tenant WHERE no = ANY($1)";
    let rows = sqlx::query(sql).bind(numbers).fetch_all(connection).await?;
    let mut by_number = HashMap::with_capacity(rows.len());
    for row in rows {
        let time = |column: usize| row.try_get::<Option<i64>, _>(column);
        let stands = (time(1)?.map(UnixMillis), time(2)?.map(UnixMillis));
        by_number.insert(row.try_get::<i32, _>(0)?, stands);
    }
    let mut known = Known::default();
    for (tenant, names) in names {
        let (floor, erased) = by_number.get(&names.no).ok_or(Failure::Renumbered)?;
        known.floors.extend(floor.map(|at| (tenant.clone(), at)));
        known.erased.extend(erased.map(|at| (tenant.clone(), at)));
    }
    Ok(known)
}
