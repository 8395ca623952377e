//! Names of series by number, for readers.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use sendry_domain::series::{Series, SeriesKind};
use sqlx::PgConnection;

use super::{super::failure::Failure, read_series};

/// A copy of the dictionary in memory, so that reading buckets looks names up by index instead of joining.
///
/// Rows of the dictionary are only ever added, and whatever one snapshot sees a later one sees too: so two snapshots that
/// see equally many names of a tenant see the same ones, and a copy with at least as many as a snapshot lacks none of
/// them. Numbers do not say so: they become visible in the order of commits, not in their own.
#[derive(Debug, Default)]
pub struct Dictionary(RwLock<HashMap<i32, Arc<TenantSeries>>>);

/// One tenant's series by kind, ascending by number.
pub type TenantSeries = [Vec<(i64, Series)>; SeriesKind::ALL.len()];

impl Dictionary {
    /// The series of a tenant, by its number: at least those that the snapshot has buckets for. `count` is how many the
    /// snapshot has.
    pub async fn of(
        &self,
        snapshot: &mut PgConnection,
        tenant: i32,
        count: i64,
    ) -> Result<Arc<TenantSeries>, Failure> {
        let held = self.held(tenant);
        if length(&held) >= count {
            return Ok(held);
        }
        let loaded = Arc::new(load(snapshot, tenant).await?);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(tenant).or_default();
        // Another read may have brought a later copy.
        if length(kept) < length(&loaded) {
            *kept = loaded.clone();
        }
        Ok(loaded)
    }

    fn held(&self, tenant: i32) -> Arc<TenantSeries> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&tenant).cloned().unwrap_or_default()
    }
}

fn length(series: &TenantSeries) -> i64 {
    series.iter().map(|kind| kind.len() as i64).sum()
}

async fn load(snapshot: &mut PgConnection, tenant: i32) -> Result<TenantSeries, Failure> {
    let sql = "SELECT no, kind, service, environment, endpoint, method, status
               FROM series WHERE tenant = $1 ORDER BY no";
    let rows = sqlx::query(sql).bind(tenant).fetch_all(snapshot).await?;
    let mut series = TenantSeries::default();
    for row in rows {
        let (no, kind, name) = read_series(&row)?;
        let no: i64 = no.into();
        series[kind as usize].push((no, name));
    }
    Ok(series)
}
