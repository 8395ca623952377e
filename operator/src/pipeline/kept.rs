//! Queues that are kept: of whose pipelines nobody makes passes any more, or not before somebody mends a resource.
//!
//! **Guarantee.** A term begins with at least one worker for each queue that a former one kept, as soon as tenants,
//! pipelines and the store are known. Their workers are made again, healed and brought up to date as any pipeline's: at
//! once where somebody changed them, and once in every resync. Where several operators share a store, that holds for the
//! tenants which are there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sendry_domain::id::TenantId;
use sendry_runtime::error_chain::chain;
use sendry_store::{ManagedPipeline, PipelineRecord, QueueStage};

use super::fleet::{Followers, Id};
use crate::{
    context::Context,
    error::Failure,
    watch::{Pipelines, Tenants, key},
    workers,
};

/// Between two looks whether the pipelines are known.
const SYNCED: Duration = Duration::from_millis(200);
/// After the first failure; each further one in a row doubles it.
const AGAIN: Duration = Duration::from_secs(5);

/// Follows them and looks after their workers; never ends.
pub async fn run(cx: Context, followers: Followers, tenants: Tenants, pipelines: Pipelines) {
    tenants.synced().await;
    while !pipelines.synced() {
        tokio::time::sleep(SYNCED).await;
    }
    let kept = Kept {
        cx,
        followers,
        tenants,
        pipelines,
    };
    while let Err(failure) = kept.follow().await {
        tracing::warn!(error = %chain(&failure), "kept queues are not followed yet, will try again");
        tokio::time::sleep(AGAIN).await;
    }
    kept.look_after().await;
}

struct Kept {
    cx: Context,
    followers: Followers,
    tenants: Tenants,
    pipelines: Pipelines,
}

impl Kept {
    async fn follow(&self) -> Result<(), Failure> {
        let failed = |error| Failure::store("find the queues that are kept".to_owned(), error);
        let snapshot = self.cx.store.snapshot().await.map_err(failed)?;
        // Of a tenant that is gone nobody can tell whose it was.
        let alone = self.cx.settings.watch_filter.is_none();
        let orphans = snapshot.pipelines.iter();
        let orphans = orphans.filter(|r| is_orphan(r, &self.tenants, &self.pipelines, alone));
        let orphans: BTreeSet<_> = orphans.map(|r| (&r.tenant, &r.name)).collect();
        let of: BTreeSet<_> = orphans.iter().map(|(tenant, _)| *tenant).collect();
        for tenant in of {
            let rows = self.cx.store.pipelines(tenant).await.map_err(failed)?;
            for row in rows.iter().filter(|row| has_a_queue(row)) {
                if orphans.contains(&(tenant, &row.record.name)) {
                    self.followers.keep_row(row);
                }
            }
        }
        Ok(())
    }

    async fn look_after(&self) {
        let resync = self.cx.settings.resync;
        let (mut only, mut failures) = (None, 0);
        loop {
            let well = self.round(only.as_ref()).await;
            failures = if well { 0 } else { failures + 1 };
            let pause = if failures == 0 {
                resync
            } else {
                resync.min(AGAIN.saturating_mul(1 << failures.min(10)) / 2)
            };
            only = tokio::select! {
                () = tokio::time::sleep(pause) => None,
                touched = self.followers.touched() => Some(touched),
            };
        }
    }

    /// Looks at the workers of all, or of those named. Says whether that ended well.
    async fn round(&self, only: Option<&BTreeSet<Id>>) -> bool {
        let mut of: BTreeMap<TenantId, Vec<Id>> = BTreeMap::new();
        for id in self.unattended() {
            if only.is_none_or(|only| only.contains(&id)) {
                of.entry(id.0.clone()).or_default().push(id);
            }
        }
        let mut well = true;
        for (tenant, ids) in of {
            if let Err(failure) = self.tenants_workers(&tenant, &ids).await {
                well = false;
                tracing::warn!(error = %chain(&failure), "workers of a kept queue are not as they should be, will try again");
            }
        }
        well
    }

    /// One that fails holds up no other; the first failure is returned.
    async fn tenants_workers(&self, tenant: &TenantId, ids: &[Id]) -> Result<(), Failure> {
        let rows = self.cx.store.pipelines(tenant).await.map_err(|error| {
            Failure::store(format!("read the pipelines of tenant {tenant}"), error)
        })?;
        let mut failed = None;
        for id in ids {
            let mut rows = rows.iter().filter(|row| has_a_queue(row));
            let stands = rows.any(|row| row.record.name == id.1);
            // Somebody may have taken it up since.
            if stands
                && self.unattended().contains(id)
                && let Err(failure) = self.workers(id).await
            {
                failed.get_or_insert(failure);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn workers(&self, id: &Id) -> Result<(), Failure> {
        let (tenant, name) = id;
        let known = self.tenants.get(tenant.as_str());
        if known.is_some_and(|tenant| tenant.metadata.deletion_timestamp.is_none()) {
            // Of a tenant that is gone nobody would tell the broker another password.
            workers::reader(&self.cx, tenant, name).await?;
        }
        let spec = self.followers.worker(id);
        let made = workers::keep_up(&self.cx, tenant, name, spec.as_ref()).await?;
        self.followers.learn(id, made);
        Ok(())
    }

    fn unattended(&self) -> BTreeSet<Id> {
        let is_there = |key: &str| self.pipelines.get(key).is_some();
        self.followers.unattended(is_there)
    }
}

/// Whether nobody makes passes of a pipeline that the store has settings of: one that cannot be read has none.
fn is_orphan(
    record: &PipelineRecord,
    tenants: &Tenants,
    pipelines: &Pipelines,
    alone: bool,
) -> bool {
    tenants.get(record.tenant.as_str()).map_or(alone, |tenant| {
        let key = key(&tenant.spec.namespace, record.name.as_str());
        pipelines.get(&key).is_none()
    })
}

/// Whether the operator keeps a queue for it.
fn has_a_queue(row: &ManagedPipeline) -> bool {
    row.stamp.is_some() && row.stage != QueueStage::Leaving
}

#[cfg(test)]
mod tests {
    use kube::{
        core::{DeserializeGuard, ObjectMeta, error_boundary::InvalidObject},
        runtime::watcher::Event,
    };
    use sendry_crds::{SendryPipeline, SendryTenant};
    use sendry_domain::{id::PipelineName, time::UnixMillis};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_is_kept_where_no_resource_stands_for_it_or_one_that_cannot_be_read() {
        let (tenants, pipelines) = (Tenants::default(), Pipelines::default());
        let record = PipelineRecord {
            tenant: TenantId::new("acme").unwrap(),
            name: PipelineName::new("shop").unwrap(),
            services: Vec::new(),
            environments: Vec::new(),
            created_at: UnixMillis(1),
            retired: false,
        };
        let orphan = |alone| is_orphan(&record, &tenants, &pipelines, alone);
        assert!(orphan(true) && !orphan(false), "its tenant is gone");
        let spec = serde_json::from_value(json!({"namespace": "team-acme"})).unwrap();
        let tenant = DeserializeGuard(Ok(SendryTenant::new("acme", spec)));
        tenants.hear(Event::Apply(tenant));
        assert!(orphan(false));
        let mut pipeline = SendryPipeline::new("shop", serde_json::from_value(json!({})).unwrap());
        pipeline.metadata.namespace = Some("team-acme".to_owned());
        let metadata: ObjectMeta = pipeline.metadata.clone();
        pipelines.hear(Event::Apply(DeserializeGuard(Ok(pipeline))));
        assert!(!orphan(false));
        let error = "not one of ours".to_owned();
        let unreadable = InvalidObject { error, metadata };
        pipelines.hear(Event::Apply(DeserializeGuard(Err(unreadable))));
        assert!(orphan(false), "nobody makes passes of it");
    }
}
