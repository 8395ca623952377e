//! Marks on days and months whose rows lag behind their hours ([`Marks`]), as rows.

use rusqlite::{Connection, params};
use sendry_domain::time::UnixMillis;

use super::super::{
    super::marks::{Marks, touched},
    failure::Failure,
};

/// Marks the days and months of buckets that were written.
pub fn mark(
    transaction: &Connection,
    tenant: i64,
    starts: impl IntoIterator<Item = UnixMillis>,
    version: i64,
) -> Result<(), Failure> {
    let sql = "INSERT INTO dirty (tenant, level, start, version) VALUES (?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET version = excluded.version";
    let mut statement = transaction.prepare_cached(sql)?;
    for (level, start) in touched(starts) {
        statement.execute(params![tenant, level as u8, start.0, version])?;
    }
    Ok(())
}

/// A tenant's marks, as of a snapshot.
pub fn load(snapshot: &Connection, tenant: i64) -> Result<Marks, Failure> {
    let sql = "SELECT level, start FROM dirty WHERE tenant = ?";
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([tenant])?;
    let mut marks = Marks::default();
    while let Some(row) = rows.next()? {
        marks.insert(row.get(0)?, UnixMillis(row.get(1)?));
    }
    Ok(marks)
}
