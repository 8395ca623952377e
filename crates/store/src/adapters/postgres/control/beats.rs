//! What running processes say of themselves.

use sendry_domain::{
    beat::{Beat, ProcessRole},
    time::{DAY, UnixMillis},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::{database::Work, failure::Failure};

/// Beats of processes that ended without a word are swept up after so long.
const FORGOTTEN_AFTER: i64 = DAY;

/// Writes a beat, if it is newer than the process's last.
pub fn beat<'a>(connection: &'a mut PgConnection, beat: &'a Beat) -> Work<'a, ()> {
    Box::pin(async move {
        let Beat {
            instance,
            role,
            sequence,
            at,
            queues,
        } = beat;
        let queues =
            serde_json::to_string(queues).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let sql = "INSERT INTO process AS p (instance, role, sequence, at, queues)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (instance) DO UPDATE SET
                       sequence = excluded.sequence, at = excluded.at, queues = excluded.queues
                   WHERE p.sequence < excluded.sequence";
        sqlx::query(sql)
            .bind(instance)
            .bind(role.as_str())
            .bind(i64::try_from(*sequence).unwrap_or(i64::MAX))
            .bind(at.0)
            .bind(queues)
            .execute(&mut *connection)
            .await?;
        // What another process is sweeping up, or writing, is its own.
        let sql = "DELETE FROM process WHERE instance IN
                   (SELECT instance FROM process WHERE at < $1 FOR UPDATE SKIP LOCKED)";
        sqlx::query(sql)
            .bind(at.plus(-FORGOTTEN_AFTER).0)
            .execute(connection)
            .await?;
        Ok(())
    })
}

/// All that is there, by instance.
pub fn read<'a>(connection: &'a mut PgConnection, (): &'a ()) -> Work<'a, Vec<Beat>> {
    Box::pin(async move {
        let sql = "SELECT instance, role, sequence, at, queues FROM process ORDER BY instance";
        let rows = sqlx::query_as(sql).fetch_all(connection).await?;
        rows.into_iter().map(stored).collect()
    })
}

fn stored(
    (instance, role, sequence, at, queues): (Uuid, String, i64, i64, String),
) -> Result<Beat, Failure> {
    Ok(Beat {
        instance,
        role: ProcessRole::from_word(&role)
            .ok_or_else(|| Failure::damaged(format!("no process does `{role}`")))?,
        sequence: sequence.max(0).unsigned_abs(),
        at: UnixMillis(at),
        queues: serde_json::from_str(&queues).map_err(Failure::damaged)?,
    })
}

/// Removes a process.
pub fn leave<'a>(connection: &'a mut PgConnection, instance: &'a Uuid) -> Work<'a, ()> {
    Box::pin(async move {
        let sql = "DELETE FROM process WHERE instance = $1";
        sqlx::query(sql).bind(instance).execute(connection).await?;
        Ok(())
    })
}
