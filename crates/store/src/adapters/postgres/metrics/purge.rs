//! Dropping what is past its retention, a few thousand rows a transaction, so that counting waits for milliseconds.
//!
//! The floor moves first, in a transaction that waits for the counts under way ([`super::floor`]); only then do rows below
//! it leave. Rows that a transaction holds are passed over and leave another time.

use sendry_domain::{
    id::TenantId,
    ledger::{OldestHead, next_floor},
    time::UnixMillis,
    window::Window,
};
use sqlx::PgConnection;

use super::{
    super::{
        super::retention::{Ledger, Step, steps},
        column::scope,
        database::Database,
        failure::Failure,
    },
    floor,
};

/// Rows a transaction.
const CHUNK: i64 = 5_000;

/// When and with what knowledge to purge.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now.
    pub at: UnixMillis,
    /// The tenant's window.
    pub window: Window,
    /// What is known of the queues.
    pub head: OldestHead,
}

/// Moves the tenant's floor and drops what may leave. Returns how many rows.
pub async fn purge(
    database: &Database,
    tenant: &TenantId,
    no: i32,
    moment: Moment,
) -> Result<u64, Failure> {
    let floor = database
        .transact(Some(tenant), (no, moment), |connection, (no, moment)| {
            Box::pin(move_floor(connection, *no, *moment))
        })
        .await?;
    let mut dropped = 0;
    for step in steps(moment.at, floor) {
        loop {
            let rows = database
                .transact(Some(tenant), (no, step), |connection, (no, step)| {
                    Box::pin(run(*step, connection, *no))
                })
                .await?;
            dropped += rows;
            if rows < CHUNK.unsigned_abs() {
                break;
            }
        }
    }
    Ok(dropped)
}

/// The tenant's floor as of now; none as long as nothing allows one.
async fn move_floor(
    connection: &mut PgConnection,
    no: i32,
    moment: Moment,
) -> Result<Option<UnixMillis>, Failure> {
    floor::alone(connection, no).await?;
    let stored: Option<i64> = sqlx::query_scalar("SELECT floor FROM tenant WHERE no = $1")
        .bind(no)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(Failure::Renumbered)?;
    let none = UnixMillis(i64::MIN);
    let held = stored.map_or(none, UnixMillis);
    let floor = next_floor(held, moment.at, moment.window, moment.head);
    if floor != held {
        sqlx::query("UPDATE tenant SET floor = $1 WHERE no = $2")
            .bind(floor.0)
            .bind(no)
            .execute(connection)
            .await?;
    }
    Ok((floor != none).then_some(floor))
}

/// Deletes the first rows that a condition holds for and nobody holds. The condition stands twice: a row that changed
/// after it was found is judged by what it has become.
macro_rules! delete {
    ($table:literal, $condition:literal, $order:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ctid = ANY(ARRAY(SELECT ctid FROM ",
            $table,
            " WHERE ",
            $condition,
            " ORDER BY ",
            $order,
            " LIMIT $1 FOR UPDATE SKIP LOCKED)) AND ",
            $condition
        )
    };
}

/// Drops at most [`CHUNK`] rows.
async fn run(step: Step, connection: &mut PgConnection, tenant: i32) -> Result<u64, Failure> {
    let dropped = match step {
        Step::Buckets(level, kind, before) => {
            let sql = delete!(
                "bucket",
                "tenant = $2 AND level = $3 AND kind = $4 AND start < $5",
                "start"
            );
            let query = sqlx::query(sql).bind(CHUNK).bind(tenant);
            let query = query.bind(level as i16).bind(kind as i16);
            query.bind(before.0).execute(connection).await?
        }
        Step::Ledger(ledger, of, before) => {
            let sql = match ledger {
                Ledger::Messages => delete!(
                    "ledger_message",
                    "tenant = $2 AND scope = $3 AND last < $4",
                    "last"
                ),
                Ledger::Sources => delete!(
                    "ledger_source",
                    "tenant = $2 AND scope = $3 AND last < $4",
                    "last"
                ),
                Ledger::Events => delete!(
                    "ledger_event",
                    "tenant = $2 AND scope = $3 AND last < $4",
                    "last"
                ),
            };
            let query = sqlx::query(sql).bind(CHUNK).bind(tenant);
            let query = query.bind(scope(of)).bind(before.0);
            query.execute(connection).await?
        }
        Step::DeadLetters(before) => {
            // One whose raw event is still owed is not finished.
            let sql = delete!(
                "dead_letter",
                "tenant = $2 AND settled_at < $3 AND NOT raw_owed",
                "settled_at"
            );
            let query = sqlx::query(sql).bind(CHUNK).bind(tenant);
            query.bind(before.0).execute(connection).await?
        }
        Step::Refusals => {
            // Nobody can refuse the document of a message that is forgotten, but a letter may still owe one.
            let sql = "DELETE FROM raw_refused AS r WHERE tenant = $1
                       AND NOT EXISTS (SELECT FROM ledger_message AS m WHERE m.id = r.message)
                       AND NOT EXISTS (SELECT FROM dead_letter AS d
                                       WHERE d.tenant = r.tenant AND d.message = r.message
                                       AND d.position = r.position AND d.raw_owed)";
            sqlx::query(sql).bind(tenant).execute(connection).await?;
            return Ok(0);
        }
    };
    Ok(dropped.rows_affected())
}
