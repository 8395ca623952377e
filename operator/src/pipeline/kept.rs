//! Queues that are kept, and whose resources went before this term began.
//!
//! **Guarantee.** A term begins with at least one worker for each queue that a former one kept, as soon as tenants,
//! pipelines and the store are known. Where several operators share a store, that holds for the tenants which are there.

use std::{collections::BTreeSet, time::Duration};

use sendry_runtime::error_chain::chain;
use sendry_store::{ManagedPipeline, QueueStage};

use super::fleet::Followers;
use crate::{
    context::Context,
    error::Failure,
    watch::{Pipelines, Tenants, key},
};

/// Between two looks whether the pipelines are known.
const SYNCED: Duration = Duration::from_millis(200);
/// After the store did not answer.
const AGAIN: Duration = Duration::from_secs(5);

/// Follows them; never ends.
pub async fn run(cx: Context, followers: Followers, tenants: Tenants, pipelines: Pipelines) {
    tenants.synced().await;
    while !pipelines.synced() {
        tokio::time::sleep(SYNCED).await;
    }
    while let Err(failure) = follow(&cx, &followers, &tenants, &pipelines).await {
        tracing::warn!(error = %chain(&failure), "kept queues are not followed yet, will try again");
        tokio::time::sleep(AGAIN).await;
    }
    std::future::pending::<()>().await;
}

async fn follow(
    cx: &Context,
    followers: &Followers,
    tenants: &Tenants,
    pipelines: &Pipelines,
) -> Result<(), Failure> {
    let failed = |error| Failure::store("find the queues that are kept".to_owned(), error);
    let snapshot = cx.store.snapshot().await.map_err(failed)?;
    // Of a tenant that is gone nobody can tell whose it was.
    let alone = cx.settings.watch_filter.is_none();
    let orphans = snapshot.pipelines.iter().filter(|record| {
        tenants.get(record.tenant.as_str()).map_or(alone, |tenant| {
            !pipelines.knows(&key(&tenant.spec.namespace, record.name.as_str()))
        })
    });
    let orphans: BTreeSet<_> = orphans.map(|r| (&r.tenant, &r.name)).collect();
    let of: BTreeSet<_> = orphans.iter().map(|(tenant, _)| *tenant).collect();
    for tenant in of {
        let rows = cx.store.pipelines(tenant).await.map_err(failed)?;
        let has_a_queue =
            |row: &&ManagedPipeline| row.stamp.is_some() && row.stage != QueueStage::Leaving;
        for row in rows.iter().filter(has_a_queue) {
            if orphans.contains(&(tenant, &row.record.name)) {
                followers.keep_row(row);
            }
        }
    }
    Ok(())
}
