//! Values as columns.

use std::borrow::Cow;

use sendry_domain::{
    dead_letter::DeadLetterId, fingerprint::Fingerprint, id::MessageId, message::Scope,
};
use uuid::Uuid;

use super::failure::Failure;

/// A count as a column. BIGINT ends at 2⁶³ − 1: there it stays, which adds up the same in any order.
pub fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A column as a count; no build writes a negative one.
pub fn count(column: i64) -> u64 {
    column.max(0).unsigned_abs()
}

/// A dead letter's name, from its two columns.
pub fn place(message: Uuid, position: i64) -> Result<DeadLetterId, Failure> {
    let position = u32::try_from(position).map_err(Failure::damaged)?;
    let message = MessageId(message);
    Ok(DeadLetterId { message, position })
}

/// A fingerprint's column.
pub fn print(fingerprint: Fingerprint) -> Uuid {
    Uuid::from_bytes(fingerprint.0)
}

/// A fingerprint from its column.
pub fn read_print(column: Uuid) -> Fingerprint {
    Fingerprint(column.into_bytes())
}

/// A scope's column.
pub fn scope(scope: Scope) -> i16 {
    match scope {
        Scope::Live => 0,
        Scope::Backfill => 1,
    }
}

/// A scope from its column.
pub fn read_scope(column: i16) -> Result<Scope, Failure> {
    match column {
        0 => Ok(Scope::Live),
        1 => Ok(Scope::Backfill),
        other => Err(Failure::damaged(format!("no scope has number {other}"))),
    }
}

/// A text as PostgreSQL can hold it: NUL becomes the replacement character. For what must be kept whatever it is.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}
