//! Names of series by number, for readers.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use rusqlite::Connection;
use sendry_domain::series::{Series, SeriesKind};

use super::{Failure, read_series};

/// A copy of the dictionary in memory, so that reading buckets looks names up by index instead of joining.
///
/// Numbers only grow, also past an erasure, and only what is committed is copied: a copy newer than a read's snapshot
/// merely knows names that the snapshot has no buckets for, and so does one that knows names which were erased.
#[derive(Debug, Default)]
pub struct Dictionary(RwLock<Copied>);

/// One tenant's series by kind, ascending by number.
pub type TenantSeries = [Vec<(i64, Series)>; SeriesKind::ALL.len()];

#[derive(Debug, Default)]
struct Copied {
    /// The largest number copied.
    to: i64,
    tenants: HashMap<i64, Arc<TenantSeries>>,
}

impl Dictionary {
    /// The series of a tenant, by its number: at least those that `snapshot` has buckets for.
    pub fn of(&self, snapshot: &Connection, tenant: i64) -> Result<Arc<TenantSeries>, Failure> {
        let sql = "SELECT ifnull(max(no), 0) FROM series";
        let newest: i64 = snapshot
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?;
        let copied = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if newest <= copied.to {
            return Ok(copied.tenant(tenant));
        }
        drop(copied);
        let mut copied = self.0.write().unwrap_or_else(PoisonError::into_inner);
        copied.extend(snapshot)?;
        Ok(copied.tenant(tenant))
    }
}

impl Copied {
    fn tenant(&self, tenant: i64) -> Arc<TenantSeries> {
        self.tenants.get(&tenant).cloned().unwrap_or_default()
    }

    fn extend(&mut self, snapshot: &Connection) -> Result<(), Failure> {
        let sql = "SELECT no, tenant, kind, service, environment, endpoint, method, status
                   FROM series WHERE no > ? ORDER BY no";
        let mut statement = snapshot.prepare_cached(sql)?;
        let mut rows = statement.query([self.to])?;
        while let Some(row) = rows.next()? {
            let (no, tenant, kind, series) = read_series(row)?;
            let of_tenant = Arc::make_mut(self.tenants.entry(tenant).or_default());
            of_tenant[kind as usize].push((no, series));
            self.to = no;
        }
        Ok(())
    }
}
