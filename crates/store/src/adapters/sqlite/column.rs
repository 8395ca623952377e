//! Values as columns.

use sendry_domain::{dead_letter::DeadLetterId, id::MessageId, message::Scope};
use uuid::Uuid;

use super::Failure;

/// A count as a column. SQLite's integers end at 2⁶³ − 1: there it stays, which adds up the same in any order.
pub fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A column as a count; no build writes a negative one.
pub fn count(column: i64) -> u64 {
    column.max(0).unsigned_abs()
}

/// A message's column.
pub fn id(message: MessageId) -> [u8; 16] {
    message.0.into_bytes()
}

/// A dead letter's or raw event's name, from its two columns.
pub fn place(message: [u8; 16], position: u32) -> DeadLetterId {
    DeadLetterId {
        message: MessageId(Uuid::from_bytes(message)),
        position,
    }
}

/// A scope's column.
pub fn scope(scope: Scope) -> i64 {
    match scope {
        Scope::Live => 0,
        Scope::Backfill => 1,
    }
}

/// A scope from its column.
pub fn read_scope(column: i64) -> Result<Scope, Failure> {
    match column {
        0 => Ok(Scope::Live),
        1 => Ok(Scope::Backfill),
        other => Err(Failure::damaged(format!("no scope has number {other}"))),
    }
}
