//! What running processes say of themselves.

use rusqlite::{Connection, params};
use sendry_domain::{
    beat::{Beat, ProcessRole},
    time::{DAY, UnixMillis},
};
use uuid::Uuid;

use super::super::failure::Failure;

/// Beats of processes that ended without a word are swept up after so long.
const FORGOTTEN_AFTER: i64 = DAY;

/// Writes a beat, if it is newer than the process's last.
pub fn beat(transaction: &Connection, beat: &Beat) -> Result<(), Failure> {
    let Beat {
        instance,
        role,
        sequence,
        at,
        queues,
    } = beat;
    let queues = serde_json::to_string(queues)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let sql = "INSERT INTO process (instance, role, sequence, at, queues) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   sequence = excluded.sequence, at = excluded.at, queues = excluded.queues
               WHERE sequence < excluded.sequence";
    let sequence = i64::try_from(*sequence).unwrap_or(i64::MAX);
    let instance = instance.into_bytes();
    transaction.prepare_cached(sql)?.execute(params![
        instance,
        role.as_str(),
        sequence,
        at.0,
        queues
    ])?;
    let sql = "DELETE FROM process WHERE at < ?";
    transaction
        .prepare_cached(sql)?
        .execute([at.plus(-FORGOTTEN_AFTER).0])?;
    Ok(())
}

/// All that is there, by instance.
pub fn read(snapshot: &Connection) -> Result<Vec<Beat>, Failure> {
    let sql = "SELECT instance, role, sequence, at, queues FROM process ORDER BY instance";
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut beats = Vec::new();
    while let Some(row) = rows.next()? {
        let role: String = row.get(1)?;
        let queues: String = row.get(4)?;
        beats.push(Beat {
            instance: Uuid::from_bytes(row.get(0)?),
            role: ProcessRole::from_word(&role)
                .ok_or_else(|| Failure::damaged(format!("no process does `{role}`")))?,
            sequence: row.get::<_, i64>(2)?.unsigned_abs(),
            at: UnixMillis(row.get(3)?),
            queues: serde_json::from_str(&queues).map_err(Failure::damaged)?,
        });
    }
    Ok(beats)
}

/// Removes a process.
pub fn leave(transaction: &Connection, instance: Uuid) -> Result<(), Failure> {
    let sql = "DELETE FROM process WHERE instance = ?";
    transaction
        .prepare_cached(sql)?
        .execute([instance.into_bytes()])?;
    Ok(())
}
