//! Erasing a tenant's settings.

use async_trait::async_trait;
use sendry_domain::id::TenantId;
use sqlx::PgConnection;

use super::{
    super::{
        super::erasure::{allowed, settings},
        PostgresStore,
        column::count,
        database::Work,
    },
    CONTROL, alone, snapshot,
};
use crate::{ControlEraser, Footprint, StoreError};

#[async_trait]
impl ControlEraser for PostgresStore {
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError> {
        let asked = tenant.clone();
        let found = self.database.read(Some(tenant), asked, footprint).await;
        found.map_err(|f| f.at(CONTROL, "look at the settings of a tenant"))
    }

    async fn erase(&self, tenant: &TenantId) -> Result<Option<u64>, StoreError> {
        let asked = tenant.clone();
        let erased = self.database.transact(Some(tenant), asked, erase).await;
        erased.map_err(|f| f.at(CONTROL, "erase the settings of a tenant"))
    }
}

/// A table's statements: what its rows are called, how many there are, and how they are dropped.
macro_rules! statements {
    ($what:literal, $table:literal, $column:literal) => {
        (
            $what,
            concat!("SELECT count(*) FROM ", $table, " WHERE ", $column, " = $1"),
            concat!("DELETE FROM ", $table, " WHERE ", $column, " = $1"),
        )
    };
}

const PARTS: [(&str, &str, &str); 5] = settings!(statements);

fn footprint<'a>(snapshot: &'a mut PgConnection, tenant: &'a TenantId) -> Work<'a, Footprint> {
    Box::pin(async move {
        let mut rows = Vec::with_capacity(PARTS.len());
        for (what, counting, _) in PARTS {
            let found = sqlx::query_scalar(counting).bind(tenant.as_str());
            rows.push((what, count(found.fetch_one(&mut *snapshot).await?)));
        }
        Ok(Footprint { rows })
    })
}

fn erase<'a>(connection: &'a mut PgConnection, tenant: &'a TenantId) -> Work<'a, Option<u64>> {
    Box::pin(async move {
        alone(connection).await?;
        if !allowed(snapshot::one_tenant(connection, tenant).await?.as_ref()) {
            return Ok(None);
        }
        let mut erased = 0;
        for (_, _, dropping) in PARTS {
            let dropped = sqlx::query(dropping).bind(tenant.as_str());
            erased += dropped.execute(&mut *connection).await?.rows_affected();
        }
        Ok(Some(erased))
    })
}
