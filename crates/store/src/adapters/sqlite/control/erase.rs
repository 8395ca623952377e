//! Erasing a tenant's settings.

use async_trait::async_trait;
use rusqlite::Connection;
use sendry_domain::id::TenantId;

use super::{
    super::{
        super::erasure::{allowed, settings},
        SqliteStore,
        column::count,
        failure::Failure,
    },
    CONTROL, changed, snapshot,
};
use crate::{ControlEraser, Footprint, StoreError};

#[async_trait]
impl ControlEraser for SqliteStore {
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError> {
        let tenant = tenant.clone();
        let found = self.readers.read(move |s| footprint(s, &tenant)).await;
        found.map_err(|f| f.at(CONTROL, "look at the settings of a tenant"))
    }

    async fn erase(&self, tenant: &TenantId) -> Result<Option<u64>, StoreError> {
        let tenant = tenant.clone();
        let erased = self.writer.transact(move |t, _| erase(t, &tenant));
        self.told(erased.await, "erase the settings of a tenant")
    }
}

/// A table's statements: what its rows are called, how many there are, and how they are dropped.
macro_rules! statements {
    ($what:literal, $table:literal, $column:literal) => {
        (
            $what,
            concat!("SELECT count(*) FROM ", $table, " WHERE ", $column, " = ?"),
            concat!("DELETE FROM ", $table, " WHERE ", $column, " = ?"),
        )
    };
}

const PARTS: [(&str, &str, &str); 5] = settings!(statements);

fn footprint(snapshot: &Connection, tenant: &TenantId) -> Result<Footprint, Failure> {
    let mut rows = Vec::with_capacity(PARTS.len());
    for (what, counting, _) in PARTS {
        let found = snapshot.query_row(counting, [tenant.as_str()], |row| row.get(0))?;
        rows.push((what, count(found)));
    }
    Ok(Footprint { rows })
}

fn erase(transaction: &Connection, tenant: &TenantId) -> Result<Option<u64>, Failure> {
    if !allowed(snapshot::one_tenant(transaction, tenant)?.as_ref()) {
        return Ok(None);
    }
    let mut erased = 0;
    for (_, _, dropping) in PARTS {
        erased += transaction.execute(dropping, [tenant.as_str()])?;
    }
    changed(transaction, erased)?;
    Ok(Some(count(erased as i64)))
}
