//! The account of each tenant.

use std::collections::{BTreeMap, HashMap};

use sendry_domain::{
    dead_letter::DeadLetterId,
    id::TenantId,
    ledger::{Tally, shard},
    time::UnixMillis,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    super::{super::erasure::is_erased, database::Query, failure::Failure, names::Shared},
    floor,
};
use crate::LedgerView;

/// Adds to tallies of tenants, by number, all in one shard: that of the call, so that workers seldom meet in one.
pub async fn add(
    connection: &mut PgConnection,
    shard: u8,
    tallies: &BTreeMap<i32, Tally>,
) -> Result<(), Failure> {
    let tallies: Vec<_> = tallies
        .iter()
        .filter(|(_, tally)| **tally != Tally::default())
        .collect();
    if tallies.is_empty() {
        return Ok(());
    }
    addition(shard, &tallies).execute(connection).await?;
    Ok(())
}

fn addition(shard: u8, tallies: &[(&i32, &Tally)]) -> Query {
    let sum = |field: fn(&Tally) -> i64| -> Vec<i64> {
        tallies.iter().map(|(_, tally)| field(tally)).collect()
    };
    let sql = "INSERT INTO tally AS t
                   (tenant, shard, received, counted, duplicates, conflicts, dead_open, discarded, replayed,
                    raw_refused, late)
               SELECT n.tenant, $1, n.received, n.counted, n.duplicates, n.conflicts, n.dead_open, n.discarded,
                      n.replayed, n.raw_refused, n.late
               FROM unnest($2::int4[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],
                           $9::int8[], $10::int8[], $11::int8[])
                    AS n (tenant, received, counted, duplicates, conflicts, dead_open, discarded, replayed,
                          raw_refused, late)
               ON CONFLICT (tenant, shard) DO UPDATE SET
                   received = t.received + excluded.received,
                   counted = t.counted + excluded.counted,
                   duplicates = t.duplicates + excluded.duplicates,
                   conflicts = t.conflicts + excluded.conflicts,
                   dead_open = t.dead_open + excluded.dead_open,
                   discarded = t.discarded + excluded.discarded,
                   replayed = t.replayed + excluded.replayed,
                   raw_refused = t.raw_refused + excluded.raw_refused,
                   late = t.late + excluded.late";
    sqlx::query(sql)
        .bind(i16::from(shard))
        .bind(tallies.iter().map(|(no, _)| **no).collect::<Vec<_>>())
        .bind(sum(|tally| tally.received))
        .bind(sum(|tally| tally.counted))
        .bind(sum(|tally| tally.duplicates))
        .bind(sum(|tally| tally.conflicts))
        .bind(sum(|tally| tally.dead_open))
        .bind(sum(|tally| tally.discarded))
        .bind(sum(|tally| tally.replayed))
        .bind(sum(|tally| tally.raw_refused))
        .bind(sum(|tally| tally.late))
}

/// All shards added up, and the floor.
pub async fn view(snapshot: &mut PgConnection, tenant: &TenantId) -> Result<LedgerView, Failure> {
    let sql = "SELECT t.floor, coalesce(sum(received), 0)::int8, coalesce(sum(counted), 0)::int8,
                      coalesce(sum(duplicates), 0)::int8, coalesce(sum(conflicts), 0)::int8,
                      coalesce(sum(dead_open), 0)::int8, coalesce(sum(discarded), 0)::int8,
                      coalesce(sum(replayed), 0)::int8, coalesce(sum(raw_refused), 0)::int8,
                      coalesce(sum(late), 0)::int8
               FROM tenant AS t LEFT JOIN tally AS n ON n.tenant = t.no
               WHERE t.name = $1 GROUP BY t.no, t.floor";
    let row = sqlx::query(sql)
        .bind(tenant.as_str())
        .fetch_optional(snapshot)
        .await?;
    let Some(row) = row else {
        return Ok(LedgerView::default());
    };
    let floor: Option<i64> = row.try_get(0)?;
    Ok(LedgerView {
        floor: floor.map(UnixMillis),
        tally: Tally {
            received: row.try_get(1)?,
            counted: row.try_get(2)?,
            duplicates: row.try_get(3)?,
            conflicts: row.try_get(4)?,
            dead_open: row.try_get(5)?,
            discarded: row.try_get(6)?,
            replayed: row.try_get(7)?,
            raw_refused: row.try_get(8)?,
            late: row.try_get(9)?,
        },
    })
}

/// Tallies events whose document the raw store refused, each once. `refused` ascend.
pub async fn raw_refused(
    connection: &mut PgConnection,
    names: &HashMap<TenantId, Shared>,
    refused: &[DeadLetterId],
) -> Result<(), Failure> {
    let Some((name, tenant)) = names.iter().next() else {
        return Ok(());
    };
    let (known, tenant) = (floor::stand(connection, names).await?, tenant.no);
    let refused = refused
        .iter()
        .filter(|r| !is_erased(&known, name, r.message));
    let refused: Vec<_> = refused.collect();
    let Some(first) = refused.first() else {
        return Ok(());
    };
    let messages: Vec<Uuid> = refused.iter().map(|place| place.message.0).collect();
    let positions: Vec<i64> = refused.iter().map(|place| place.position.into()).collect();
    let sql = "INSERT INTO raw_refused (tenant, message, position)
               SELECT $1, n.message, n.position FROM unnest($2::uuid[], $3::int8[]) AS n (message, position)
               ON CONFLICT DO NOTHING";
    let new = sqlx::query(sql)
        .bind(tenant)
        .bind(messages)
        .bind(positions)
        .execute(&mut *connection)
        .await?;
    let tally = Tally {
        raw_refused: i64::try_from(new.rows_affected()).unwrap_or(i64::MAX),
        ..Tally::default()
    };
    add(connection, shard(first.message), &[(tenant, tally)].into()).await
}
