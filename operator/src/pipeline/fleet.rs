//! Whose workers are followed, for the autoscaler.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sendry_crds::{SendryPipeline, pipeline::WorkerSpec};
use sendry_domain::id::{PipelineName, TenantId};
use sendry_store::ManagedPipeline;
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    autoscaler::{Fleet, Followed, Workers},
    watch::{Pipelines, Tenants},
    workers::{Look, WorkersWatch},
};

/// Workers of a tenant's pipelines together where its resource does not say, as the definition has it.
const MAX_WORKERS: u32 = 50;
/// The most that any pipeline can ask for, as the definition has it.
const MOST_WORKERS: u32 = 1_000;

/// The pipelines that have a queue which the operator keeps: passes of this term found them, or the store's rows tell of
/// them. Clones are the same.
///
/// **Guarantees.** Each is followed once, whatever resources had its name: the last one to have it speaks. One that is
/// kept without a resource of its own stays for the rest of the term, so that a worker is left with it; nobody but a
/// resource that takes it up has a say in it.
#[derive(Clone, Debug, Default)]
pub struct Followers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    followers: Mutex<BTreeMap<Id, Follower>>,
    /// About whose workers something is new.
    touched: Mutex<BTreeSet<Id>>,
    asked: Notify,
}

/// Deployments are named after it, so that two of one would fight for a number.
pub(super) type Id = (TenantId, PipelineName);

#[derive(Clone, Debug)]
struct Follower {
    /// Of its resource.
    key: String,
    pipeline: Arc<SendryPipeline>,
    draining: bool,
    kept: bool,
    /// What its tenant last allowed: a kept one outlives its tenant.
    max_workers: u32,
    /// What its workers are; `None` = only they themselves tell.
    worker: Option<WorkerSpec>,
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
        self.put(key, (tenant.clone(), name.clone()), pipeline, draining);
    }

    /// Its workers are followed, and at least one of them stays: it takes no new events, and what waits is worked off.
    pub fn drain(
        &self,
        key: &str,
        tenant: &TenantId,
        name: &PipelineName,
        pipeline: &Arc<SendryPipeline>,
    ) {
        self.put(key, (tenant.clone(), name.clone()), pipeline, true);
    }

    fn put(&self, key: &str, id: Id, pipeline: &Arc<SendryPipeline>, draining: bool) {
        let mut followers = self.lock();
        // A namespace that became another tenant's says nothing of what it had before.
        for (other, follower) in followers.iter_mut() {
            if *other != id && follower.key == key {
                follower.keep(other);
            }
        }
        let before = followers.get(&id);
        let follower = Follower {
            key: key.to_owned(),
            pipeline: pipeline.clone(),
            draining,
            kept: false,
            max_workers: before.map_or(MAX_WORKERS, |f| f.max_workers),
            worker: Some(pipeline.spec.worker.clone()),
        };
        followers.insert(id, follower);
    }

    /// It is kept without its resource: where its workers were followed, at least one of them stays.
    pub fn keep(&self, key: &str, pipeline: &Arc<SendryPipeline>) {
        let mut kept = BTreeSet::new();
        for (id, follower) in self.lock().iter_mut() {
            if follower.key == key && !follower.kept {
                follower.pipeline = pipeline.clone();
                follower.worker = Some(pipeline.spec.worker.clone());
                follower.keep(id);
                kept.insert(id.clone());
            }
        }
        // Whoever looked after its workers does so no more.
        lock(&self.0.touched).append(&mut kept);
        self.0.asked.notify_one();
    }

    /// The store has a queue for it and no resource stands for that: at least one worker stays, as many as are needed.
    pub fn keep_row(&self, row: &ManagedPipeline) {
        let record = &row.record;
        let id = (record.tenant.clone(), record.name.clone());
        let mut followers = self.lock();
        if followers.contains_key(&id) {
            return;
        }
        // All of a spec has a default. How many it allowed nobody knows any more: the tenant's limit holds.
        let Ok(spec) = serde_json::from_value(json!({"scaling": {"max": MOST_WORKERS}})) else {
            return;
        };
        let mut pipeline = SendryPipeline::new(record.name.as_str(), spec);
        let at = Timestamp::from_millisecond(record.created_at.0);
        pipeline.metadata.creation_timestamp = at.ok().map(Time);
        let mut follower = Follower {
            key: String::new(),
            pipeline: Arc::new(pipeline),
            draining: true,
            kept: true,
            max_workers: MAX_WORKERS,
            worker: None,
        };
        follower.keep(&id);
        followers.insert(id, follower);
    }

    /// Its workers are followed no more; what is kept is.
    pub fn leave(&self, key: &str) {
        self.lock().retain(|_, f| f.key != key || f.kept);
    }

    /// The resource is gone. Whoever saw to its queue has said so before; else that is still there.
    pub fn gone(&self, key: &str) {
        for (id, follower) in self.lock().iter_mut() {
            if follower.key == key {
                follower.keep(id);
            }
        }
    }

    /// Whether a pipeline is among them whose own passes tell what becomes of it.
    #[must_use]
    pub fn tells(&self, tenant: &TenantId, name: &PipelineName) -> bool {
        let followers = self.lock();
        let found = followers.get(&(tenant.clone(), name.clone()));
        found.is_some_and(|follower| !follower.kept)
    }

    /// Somebody changed a pipeline's workers, or something is new about them.
    pub fn touch(&self, tenant: &TenantId, name: &PipelineName) {
        let id = (tenant.clone(), name.clone());
        if self.lock().contains_key(&id) {
            lock(&self.0.touched).insert(id);
            self.0.asked.notify_one();
        }
    }

    /// Waits until something is new about workers, and says whose.
    pub(super) async fn touched(&self) -> BTreeSet<Id> {
        loop {
            let touched = std::mem::take(&mut *lock(&self.0.touched));
            if !touched.is_empty() {
                return touched;
            }
            self.0.asked.notified().await;
        }
    }

    /// Those of whom nobody makes passes: kept ones, and whose resource `is_there` does not know as one that can be read.
    pub(super) fn unattended(&self, is_there: impl Fn(&str) -> bool) -> BTreeSet<Id> {
        let followers = self.lock();
        let unattended = followers
            .iter()
            .filter(|(_, f)| f.kept || !is_there(&f.key));
        unattended.map(|(id, _)| id.clone()).collect()
    }

    /// What its workers are; `None` = nobody but they themselves tells.
    pub(super) fn worker(&self, id: &Id) -> Option<WorkerSpec> {
        self.lock().get(id)?.worker.clone()
    }

    /// What its workers are, where nobody told yet.
    pub(super) fn learn(&self, id: &Id, spec: WorkerSpec) {
        if let Some(follower) = self.lock().get_mut(id) {
            follower.worker.get_or_insert(spec);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Id, Follower>> {
        lock(&self.0.followers)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under the locks panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Follower {
    /// What it was asked for last goes on to hold; as something of its own, which no resource changes.
    fn keep(&mut self, (tenant, name): &Id) {
        (self.draining, self.kept) = (true, true);
        let pipeline = Arc::make_mut(&mut self.pipeline);
        pipeline.metadata.uid = Some(format!("{tenant}/{name}"));
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
        let followers: Vec<(Id, Follower)> = {
            let mut lock = self.followers.lock();
            let all = lock.iter_mut().map(|(id, follower)| {
                if let Some(tenant) = self.tenants.get(id.0.as_str()) {
                    let said = tenant.spec.limits.max_workers;
                    follower.max_workers = said.unwrap_or(MAX_WORKERS);
                }
                (id.clone(), follower.clone())
            });
            all.collect()
        };
        let followed = |((tenant, name), follower): (Id, Follower)| {
            // What somebody has just asked for, before its pass; but not of another resource of that name.
            let newest = self.pipelines.get(&follower.key);
            let uid = &follower.pipeline.metadata.uid;
            let newest = newest.filter(|newest| newest.metadata.uid == *uid);
            let look = self.workers.look(&tenant, &name);
            Followed {
                pipeline: newest.unwrap_or(follower.pipeline),
                max_workers: Some(follower.max_workers),
                draining: follower.draining,
                kept: follower.kept,
                workers: look.map(workers),
                tenant,
            }
        };
        followers.into_iter().map(followed).collect()
    }
}

fn workers(look: Look) -> Workers {
    Workers {
        deployment: look.deployment,
        uid: look.uid,
        wanted: look.wanted,
        there: look.there,
        ready: look.ready,
    }
}

#[cfg(test)]
mod tests {
    use kube::{core::DeserializeGuard, runtime::watcher::Event};
    use sendry_crds::SendryTenant;
    use sendry_domain::time::UnixMillis;
    use sendry_store::PipelineRecord;
    use serde_json::Value;

    use super::*;

    const KEY: &str = "team-acme/shop";

    fn pipeline() -> Arc<SendryPipeline> {
        let mut pipeline = SendryPipeline::new("shop", serde_json::from_value(json!({})).unwrap());
        pipeline.metadata.namespace = Some("team-acme".to_owned());
        pipeline.metadata.uid = Some("1d0e0a5c-53c4-4b3e-8d62-0d3f4f4a9a12".to_owned());
        Arc::new(pipeline)
    }

    fn pipeline_name() -> PipelineName {
        PipelineName::new("shop").unwrap()
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
        // Another resource of its name that never had it leaves nothing.
        fleet.followers.leave(KEY);
        assert_eq!(kept(), Some((true, true)));
        // One that takes it up speaks again, and is alone.
        let (tenant, name) = (TenantId::new("acme").unwrap(), pipeline_name());
        fleet.followers.follow(KEY, &tenant, &name, &pipeline());
        assert_eq!(kept(), Some((false, false)));
        assert_eq!(fleet.followed().len(), 1);
        fleet.followers.leave(KEY);
        assert_eq!(kept(), None);
    }

    #[test]
    fn one_queue_is_followed_once_and_the_last_to_have_it_speaks() {
        let fleet = fleet();
        let (acme, other) = (
            TenantId::new("acme").unwrap(),
            TenantId::new("other").unwrap(),
        );
        let name = pipeline_name();
        // The tenant was made again with another namespace.
        let mut again = Arc::unwrap_or_clone(pipeline());
        again.metadata.namespace = Some("team-new".to_owned());
        again.metadata.uid = Some("00000000-0000-0000-0000-000000000002".to_owned());
        let again = Arc::new(again);
        fleet
            .followers
            .follow("team-new/shop", &acme, &name, &again);
        let followed = fleet.followed();
        assert_eq!(followed.len(), 1);
        assert_eq!(followed[0].pipeline.metadata.uid, again.metadata.uid);
        // What the old one does is its own affair.
        fleet.followers.keep(KEY, &pipeline());
        fleet.followers.leave(KEY);
        fleet.followers.gone(KEY);
        assert!(!fleet.followed()[0].kept);
        // The namespace becomes another tenant's: two queues, and the first is kept.
        fleet
            .followers
            .follow("team-new/shop", &other, &name, &again);
        let followed: Vec<_> = fleet
            .followed()
            .into_iter()
            .map(|f| (f.tenant, f.kept))
            .collect();
        assert_eq!(followed, [(acme, true), (other, false)]);
        let uids: Vec<_> = fleet
            .followed()
            .into_iter()
            .map(|f| f.pipeline.metadata.uid.clone())
            .collect();
        assert_ne!(uids[0], uids[1], "what is remembered of each is its own");
    }

    #[test]
    fn a_row_without_a_resource_keeps_a_worker_and_is_in_nobodys_way() {
        let fleet = fleet();
        let row = |name: &str| {
            ManagedPipeline::of_people(PipelineRecord {
                tenant: TenantId::new("acme").unwrap(),
                name: PipelineName::new(name).unwrap(),
                services: Vec::new(),
                environments: Vec::new(),
                created_at: UnixMillis(1_000),
                retired: false,
            })
        };
        fleet.followers.keep_row(&row("shop"));
        fleet.followers.keep_row(&row("old"));
        let followed = fleet.followed();
        let kept: Vec<_> = followed
            .iter()
            .map(|f| (f.pipeline.metadata.name.as_deref(), f.draining, f.kept))
            .collect();
        assert_eq!(
            kept,
            [(Some("old"), true, true), (Some("shop"), false, false)]
        );
        // What its resource allowed is forgotten: nobody is sent away because of that.
        let most = |n: usize| followed[n].pipeline.spec.scaling.max;
        assert_eq!((most(0), most(1)), (1_000, 10));
    }

    #[test]
    fn nobody_makes_passes_of_kept_ones_and_of_whose_resource_cannot_be_read() {
        let followers = fleet().followers;
        let id = (TenantId::new("acme").unwrap(), pipeline_name());
        assert!(followers.unattended(|key| key == KEY).is_empty());
        assert!(followers.unattended(|_| false).contains(&id));
        assert!(followers.tells(&id.0, &id.1));
        followers.keep(KEY, &pipeline());
        assert!(followers.unattended(|_| true).contains(&id));
        assert!(!followers.tells(&id.0, &id.1), "its tenant does");
    }

    #[tokio::test]
    async fn whose_workers_were_touched_is_asked_for_once() {
        let followers = fleet().followers;
        let (id, name) = (
            (TenantId::new("acme").unwrap(), pipeline_name()),
            PipelineName::new("nobody").unwrap(),
        );
        followers.touch(&id.0, &id.1);
        followers.touch(&id.0, &id.1);
        followers.touch(&id.0, &name);
        assert_eq!(followers.touched().await, BTreeSet::from([id]));
        let again = tokio::time::timeout(std::time::Duration::from_millis(50), followers.touched());
        assert!(again.await.is_err());
    }
}
