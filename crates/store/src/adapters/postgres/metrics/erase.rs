//! Erasing a tenant's counts, a bounded number of rows a transaction.
//!
//! The fence goes up in a transaction that waits for the counts under way ([`super::floor`]). At the end, when no row is
//! left, the tenant gets another number: processes remember series by number, and readers how many there are, so what they
//! remember of the old number must never be looked at again. A count that comes with the old one finds it gone
//! ([`Failure::Renumbered`](super::super::failure::Failure::Renumbered)) and learns the names anew.

use async_trait::async_trait;
use sendry_domain::{id::TenantId, time::UnixMillis};
use sqlx::PgConnection;

use super::{
    super::{super::erasure::counts, PostgresStore, column::count, database::Work, names},
    METRIC, floor,
};
use crate::{Erased, Footprint, MetricEraser, StoreError};

#[async_trait]
impl MetricEraser for PostgresStore {
    async fn footprint(&self, tenant: &TenantId) -> Result<Footprint, StoreError> {
        let mut rows = Vec::with_capacity(PARTS.len());
        // Each in its own time: there may be many rows.
        for (what, counting, _) in PARTS {
            let asked = (tenant.clone(), counting);
            let found = self.database.read(Some(tenant), asked, how_many).await;
            let found = found.map_err(|f| f.at(METRIC, "look at what is stored of a tenant"))?;
            rows.push((what, found));
        }
        Ok(Footprint { rows })
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        at_most: u32,
    ) -> Result<Erased, StoreError> {
        let step = (tenant.clone(), at);
        let fenced = self.database.transact(Some(tenant), step, fence).await;
        let no = fenced.map_err(|f| f.at(METRIC, "fence a tenant that is erased"))?;
        let step = (no, i64::from(at_most));
        let dropped = self.database.transact(Some(tenant), step, drop_some).await;
        let rows = dropped.map_err(|f| f.at(METRIC, "erase a tenant"))?;
        let done = if rows < u64::from(at_most) {
            let ended = self.database.transact(Some(tenant), no, end).await;
            ended.map_err(|f| f.at(METRIC, "end the erasure of a tenant"))?
        } else {
            false
        };
        Ok(Erased { rows, done })
    }
}

/// A table's statements: what its rows are called, how many there are, and how some of them are dropped.
macro_rules! statements {
    ($what:literal, $table:literal, $key:literal) => {
        (
            $what,
            concat!("SELECT count(*) FROM ", $table, " WHERE tenant = $1"),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE ctid = ANY(ARRAY(SELECT ctid FROM ",
                $table,
                " WHERE tenant = $1 LIMIT $2)) AND tenant = $1"
            ),
        )
    };
}

const PARTS: [(&str, &str, &str); 9] = counts!(statements);

fn how_many<'a>(
    snapshot: &'a mut PgConnection,
    (tenant, counting): &'a (TenantId, &'static str),
) -> Work<'a, u64> {
    Box::pin(async move {
        let Some(no) = names::number(snapshot, tenant).await? else {
            return Ok(0);
        };
        let found = sqlx::query_scalar(*counting).bind(no);
        Ok(count(found.fetch_one(snapshot).await?))
    })
}

/// Sees to it that nothing which was accepted before is counted any more, and returns the tenant's number.
fn fence<'a>(
    connection: &'a mut PgConnection,
    (tenant, at): &'a (TenantId, UnixMillis),
) -> Work<'a, i32> {
    Box::pin(async move {
        let sql = "INSERT INTO tenant (name) VALUES ($1) ON CONFLICT DO NOTHING";
        let insert = sqlx::query(sql).bind(tenant.as_str());
        insert.execute(&mut *connection).await?;
        let sql = "SELECT no, coalesce(erased_at >= $2, false) FROM tenant WHERE name = $1";
        let (no, fenced): (i32, bool) = sqlx::query_as(sql)
            .bind(tenant.as_str())
            .bind(at.0)
            .fetch_one(&mut *connection)
            .await?;
        if !fenced {
            floor::alone(connection, no).await?;
            let sql = "UPDATE tenant SET erased_at = $2 WHERE no = $1";
            let raise = sqlx::query(sql).bind(no).bind(at.0);
            raise.execute(connection).await?;
        }
        Ok(no)
    })
}

fn drop_some<'a>(connection: &'a mut PgConnection, (no, at_most): &'a (i32, i64)) -> Work<'a, u64> {
    Box::pin(async move {
        let mut room = *at_most;
        for (_, _, dropping) in PARTS {
            let dropped = sqlx::query(dropping).bind(no).bind(room);
            let dropped = dropped.execute(&mut *connection).await?.rows_affected();
            room -= i64::try_from(dropped).unwrap_or(i64::MAX);
            if room <= 0 {
                break;
            }
        }
        Ok(count(at_most - room))
    })
}

/// Gives the tenant another number, if nothing is left under this one. Says whether nothing was.
fn end<'a>(connection: &'a mut PgConnection, no: &'a i32) -> Work<'a, bool> {
    Box::pin(async move {
        floor::alone(connection, *no).await?;
        for (_, counting, _) in PARTS {
            let left: i64 = sqlx::query_scalar(counting)
                .bind(no)
                .fetch_one(&mut *connection)
                .await?;
            if left > 0 {
                return Ok(false);
            }
        }
        let sql = "UPDATE tenant SET no = DEFAULT, floor = NULL WHERE no = $1";
        sqlx::query(sql).bind(no).execute(connection).await?;
        Ok(true)
    })
}
