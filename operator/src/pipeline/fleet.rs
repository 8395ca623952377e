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

/// Workers of a tenant's pipelines together where its resource does not say, as the definition has it.
const MAX_WORKERS: u32 = 50;

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
    kept: bool,
    /// What its tenant last allowed: a kept one outlives its tenant.
    max_workers: u32,
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
        let mut followers = self.lock();
        let before = followers.get(key).filter(|f| f.tenant == *tenant);
        let follower = Follower {
            tenant: tenant.clone(),
            name: name.clone(),
            pipeline: pipeline.clone(),
            draining,
            kept: false,
            max_workers: before.map_or(MAX_WORKERS, |f| f.max_workers),
        };
        followers.insert(key.to_owned(), follower);
    }

    /// It was deleted and is kept: where its workers were followed, at least one of them stays.
    pub fn keep(&self, key: &str, pipeline: &Arc<SendryPipeline>) {
        if let Some(follower) = self.lock().get_mut(key) {
            follower.pipeline = pipeline.clone();
            (follower.draining, follower.kept) = (true, true);
        }
    }

    /// Its workers are followed no more.
    pub fn leave(&self, key: &str) {
        self.lock().remove(key);
    }

    /// The resource is gone: it is followed no more, unless it was kept.
    pub fn gone(&self, key: &str) {
        let mut followers = self.lock();
        match followers.get_mut(key) {
            Some(follower) if follower.draining => follower.kept = true,
            _ => drop(followers.remove(key)),
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
            let mut lock = self.followers.lock();
            let all = lock.iter_mut().map(|(key, follower)| {
                if let Some(tenant) = self.tenants.get(follower.tenant.as_str()) {
                    let said = tenant.spec.limits.max_workers;
                    follower.max_workers = said.unwrap_or(MAX_WORKERS);
                }
                (key.clone(), follower.clone())
            });
            all.collect()
        };
        let followed = |(key, follower): (String, Follower)| {
            // What somebody has just asked for, before its pass; but not of another resource of that name.
            let newest = self.pipelines.get(&key);
            let uid = &follower.pipeline.metadata.uid;
            let newest = newest.filter(|newest| newest.metadata.uid == *uid);
            let look = self.workers.look(&follower.tenant, &follower.name);
            Followed {
                pipeline: newest.unwrap_or(follower.pipeline),
                max_workers: Some(follower.max_workers),
                draining: follower.draining,
                kept: follower.kept,
                workers: look.map(workers),
                tenant: follower.tenant,
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

#[cfg(test)]
mod tests {
    use kube::{core::DeserializeGuard, runtime::watcher::Event};
    use sendry_crds::SendryTenant;
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = "team-acme/shop";

    fn pipeline() -> Arc<SendryPipeline> {
        let mut pipeline = SendryPipeline::new("shop", serde_json::from_value(json!({})).unwrap());
        pipeline.metadata.namespace = Some("team-acme".to_owned());
        pipeline.metadata.uid = Some("1d0e0a5c-53c4-4b3e-8d62-0d3f4f4a9a12".to_owned());
        Arc::new(pipeline)
    }

    fn fleet() -> ClusterFleet {
        let fleet = ClusterFleet {
            followers: Followers::default(),
            tenants: Tenants::default(),
            pipelines: Pipelines::default(),
            workers: WorkersWatch::default(),
        };
        let tenant = TenantId::new("acme").unwrap();
        let name = PipelineName::new("shop").unwrap();
        fleet.followers.follow(KEY, &tenant, &name, &pipeline());
        fleet
    }

    fn tenant(limits: Value) -> DeserializeGuard<SendryTenant> {
        let spec = json!({"namespace": "team-acme", "limits": limits});
        let tenant = SendryTenant::new("acme", serde_json::from_value(spec).unwrap());
        DeserializeGuard(Ok(tenant))
    }

    fn limit(fleet: &ClusterFleet) -> Option<u32> {
        let [only] = &fleet.followed()[..] else {
            panic!("not one")
        };
        only.max_workers
    }

    #[test]
    fn the_tenants_limit_has_a_default_and_outlives_the_tenant() {
        let fleet = fleet();
        assert_eq!(limit(&fleet), Some(50), "of a tenant that is not known");
        let hear = |event| drop(fleet.tenants.hear(event));
        hear(Event::Apply(tenant(json!({}))));
        assert_eq!(limit(&fleet), Some(50));
        hear(Event::Apply(tenant(json!({"maxWorkers": 7}))));
        assert_eq!(limit(&fleet), Some(7));
        fleet.followers.keep(KEY, &pipeline());
        hear(Event::Delete(tenant(json!({}))));
        assert_eq!(limit(&fleet), Some(7), "the last that was known");
    }

    #[test]
    fn who_was_kept_is_followed_without_its_resource_and_marked() {
        let fleet = fleet();
        let kept = || fleet.followed().first().map(|f| (f.draining, f.kept));
        assert_eq!(kept(), Some((false, false)));
        fleet.followers.keep(KEY, &pipeline());
        fleet.followers.gone(KEY);
        assert_eq!(kept(), Some((true, true)));
        fleet.followers.leave(KEY);
        assert_eq!(kept(), None);
    }
}
