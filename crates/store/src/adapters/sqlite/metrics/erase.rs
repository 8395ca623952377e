//! Erasing a tenant's counts, a bounded number of rows a transaction.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use sendry_domain::{counting::Known, id::TenantId, time::UnixMillis};

use super::{
    super::{
        super::erasure::counts,
        SqliteStore,
        column::count,
        failure::Failure,
        names::{Names, number},
    },
    METRIC,
};
use crate::{Erased, Footprint, MetricEraser, StoreError};

#[async_trait]
impl MetricEraser for SqliteStore {
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError> {
        let tenant = tenant.clone();
        let found = self.readers.read(move |s| footprint(s, &tenant)).await;
        found.map_err(|f| f.at(METRIC, "look at what is stored of a tenant"))
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        at_most: u32,
    ) -> Result<Erased, StoreError> {
        let tenant = tenant.clone();
        let erased = self
            .writer
            .transact(move |t, names| erase(t, names, &tenant, at, at_most));
        erased.await.map_err(|f| f.at(METRIC, "erase a tenant"))
    }
}

/// A table's statements: what its rows are called, how many there are, and how some of them are dropped.
macro_rules! statements {
    ($what:literal, $table:literal, $key:literal) => {
        (
            $what,
            concat!("SELECT count(*) FROM ", $table, " WHERE tenant = ?"),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE tenant = ? LIMIT ?)"
            ),
        )
    };
}

const PARTS: [(&str, &str, &str); 9] = counts!(statements);

fn footprint(snapshot: &Connection, tenant: &TenantId) -> Result<Footprint, Failure> {
    let no = number(snapshot, tenant)?;
    let mut rows = Vec::with_capacity(PARTS.len());
    for (what, counting, _) in PARTS {
        let found = match no {
            Some(no) => snapshot.query_row(counting, [no], |row| row.get(0))?,
            None => 0,
        };
        rows.push((what, count(found)));
    }
    Ok(Footprint { rows })
}

fn erase(
    transaction: &Connection,
    names: &mut Names,
    tenant: &TenantId,
    at: UnixMillis,
    at_most: u32,
) -> Result<Erased, Failure> {
    // Whatever was remembered of the tenant may be gone after this.
    names.forget();
    let sql = "INSERT INTO tenant (name, erased_at) VALUES (?, ?)
               ON CONFLICT DO UPDATE SET erased_at = max(ifnull(erased_at, excluded.erased_at), excluded.erased_at)
               RETURNING no";
    let mut fence = transaction.prepare_cached(sql)?;
    let no: i64 = fence.query_row(params![tenant.as_str(), at.0], |row| row.get(0))?;
    let sql = "UPDATE erased_series
               SET no = max(no, (SELECT ifnull(max(no), 0) FROM series WHERE tenant = ?))";
    transaction.prepare_cached(sql)?.execute([no])?;
    let mut room = i64::from(at_most);
    for (_, _, dropping) in PARTS {
        let rows = transaction.prepare_cached(dropping)?;
        room -= { rows }.execute(params![no, room])? as i64;
        if room <= 0 {
            break;
        }
    }
    if room > 0 {
        let sql = "UPDATE tenant SET floor = NULL WHERE no = ?";
        transaction.prepare_cached(sql)?.execute([no])?;
    }
    Ok(Erased {
        rows: count(i64::from(at_most) - room),
        done: room > 0,
    })
}

/// Adds to what is known when the tenant was erased, if ever.
pub fn load(transaction: &Connection, tenant: &TenantId, known: &mut Known) -> Result<(), Failure> {
    let sql = "SELECT erased_at FROM tenant WHERE name = ? AND erased_at IS NOT NULL";
    let mut statement = transaction.prepare_cached(sql)?;
    let erased = statement.query_row([tenant.as_str()], |row| row.get(0));
    if let Some(erased) = erased.optional()? {
        known.erased.insert(tenant.clone(), UnixMillis(erased));
    }
    Ok(())
}
