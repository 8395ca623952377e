//! Whose workers are followed, for the autoscaler.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sendry_crds::SendryPipeline;
use sendry_domain::id::{PipelineName, TenantId};

use crate::{
    autoscaler::{Fleet, Followed, Workers},
    watch::{Pipelines, Tenants},
    workers::{Look, WorkersWatch},
};

/// The pipelines that passes of this term found to have a queue and events of their own. Clones are the same.
///
/// One that was deleted and kept stays among them for the rest of the term, so that a worker is left with it.
#[derive(Clone, Debug, Default)]
pub struct Followers(Arc<Mutex<BTreeMap<String, Follower>>>);

#[derive(Clone, Debug)]
struct Follower {
    tenant: TenantId,
    name: PipelineName,
    pipeline: Arc<SendryPipeline>,
    draining: bool,
}

impl Followers {
    /// Its workers are followed.
    pub fn follow(
        &self,
        key: &str,
        tenant: &TenantId,
        name: &PipelineName,
        pipeline: &Arc<SendryPipeline>,
    ) {
        let draining = pipeline.metadata.deletion_timestamp.is_some();
        let follower = Follower {
            tenant: tenant.clone(),
            name: name.clone(),
            pipeline: pipeline.clone(),
            draining,
        };
        self.lock().insert(key.to_owned(), follower);
    }

    /// It was deleted and is kept: where its workers were followed, at least one of them stays.
    pub fn keep(&self, key: &str, pipeline: &Arc<SendryPipeline>) {
        if let Some(follower) = self.lock().get_mut(key) {
            follower.pipeline = pipeline.clone();
            follower.draining = true;
        }
    }

    /// Its workers are followed no more.
    pub fn leave(&self, key: &str) {
        self.lock().remove(key);
    }

    /// The resource is gone: it is followed no more, unless it was kept.
    pub fn gone(&self, key: &str) {
        let mut followers = self.lock();
        if followers
            .get(key)
            .is_some_and(|follower| !follower.draining)
        {
            followers.remove(key);
        }
    }

    /// Whether a pipeline is among them.
    #[must_use]
    pub fn has(&self, tenant: &TenantId, name: &PipelineName) -> bool {
        let followers = self.lock();
        let mut all = followers.values();
        all.any(|follower| follower.tenant == *tenant && follower.name == *name)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Follower>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those pipelines, with what the watches show of them.
#[derive(Clone, Debug)]
pub struct ClusterFleet {
    /// Whom.
    pub followers: Followers,
    /// What their tenants allow.
    pub tenants: Tenants,
    /// What their specs say now.
    pub pipelines: Pipelines,
    /// What their workers do.
    pub workers: WorkersWatch,
}

impl Fleet for ClusterFleet {
    fn followed(&self) -> Vec<Followed> {
        let followers: Vec<(String, Follower)> = {
            let lock = self.followers.lock();
            lock.iter()
                .map(|(key, f)| (key.clone(), f.clone()))
                .collect()
        };
        let followed = |(key, follower): (String, Follower)| {
            let Follower {
                tenant,
                name,
                pipeline,
                draining,
            } = follower;
            // What somebody has just asked for, before its pass; but not of another resource of that name.
            let newest = self.pipelines.get(&key);
            let newest = newest.filter(|newest| newest.metadata.uid == pipeline.metadata.uid);
            let limits = self.tenants.get(tenant.as_str());
            let workers = self.workers.look(&tenant, &name).map(workers);
            Followed {
                pipeline: newest.unwrap_or(pipeline),
                max_workers: limits.and_then(|tenant| tenant.spec.limits.max_workers),
                draining,
                workers,
                tenant,
            }
        };
        followers.into_iter().map(followed).collect()
    }
}

fn workers(look: Look) -> Workers {
    Workers {
        deployment: look.deployment,
        wanted: look.wanted,
        there: look.there,
        ready: look.ready,
    }
}
