//! What stands: Deployments and Pods of the operator's namespace by their labels, and whether what they need is there.
//!
//! **Guarantee.** A pipeline is told of whenever what is said of its workers changes, and when one of its objects is
//! changed or taken away by somebody. Nothing is said before the first lists have come.

mod known;

#[cfg(test)]
mod tests;

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Pod, Secret},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource,
    core::PartialObjectMeta,
    runtime::watcher::{self, Event, watcher},
};
use sendry_crds::names;
use sendry_domain::id::{PipelineName, TenantId};
use sendry_runtime::health::Health;
use serde::de::DeserializeOwned;

use self::known::{Known, Whom};
use super::Availability;
use crate::{
    metrics::OperatorMetrics,
    watch::{Follow, WATCH_SECONDS},
};

/// The workers of one pipeline, as the cluster shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The name of the Deployment.
    pub deployment: String,
    /// Its uid.
    pub uid: String,
    /// How many there should be.
    pub wanted: u32,
    /// How many there are.
    pub there: u32,
    /// How many of them are ready.
    pub ready: u32,
    /// Whether more can be had.
    pub available: Availability,
}

/// What the watches show. Clones are the same.
///
/// It may lag behind and it may lack what is there, so nothing is deleted because it is not in it.
#[derive(Clone, Debug, Default)]
pub struct WorkersWatch {
    known: Arc<Mutex<Known>>,
}

impl WorkersWatch {
    /// Follows them until dropped. `changed` is told of pipelines about which something is new.
    pub async fn run(
        &self,
        client: Client,
        namespace: &str,
        health: &Health,
        metrics: OperatorMetrics,
        changed: impl Fn(&TenantId, &PipelineName) + Send + Sync,
    ) {
        let following = Following {
            client,
            namespace,
            health,
            metrics,
            known: &self.known,
            changed: &changed,
        };
        tokio::join!(
            following.whole::<Deployment>("deployments", Known::deployment),
            following.whole::<Pod>("pods", Known::pod),
            following.by_metadata::<ConfigMap>("configmaps"),
            following.by_metadata::<Secret>("workers' secrets"),
            following.by_metadata::<PodDisruptionBudget>("poddisruptionbudgets"),
        );
    }

    /// What is known of one pipeline's workers; `None` = no Deployment is known.
    #[must_use]
    pub fn look(&self, tenant: &TenantId, pipeline: &PipelineName) -> Option<Look> {
        let whom = (tenant.clone(), pipeline.clone());
        lock(&self.known).look(&whom)
    }

    /// Whether the first lists have come.
    #[must_use]
    pub fn ready(&self) -> bool {
        lock(&self.known).is_complete()
    }
}

struct Following<'a, F> {
    client: Client,
    namespace: &'a str,
    health: &'a Health,
    metrics: OperatorMetrics,
    known: &'a Mutex<Known>,
    changed: &'a F,
}

impl<F: Fn(&TenantId, &PipelineName)> Following<'_, F> {
    async fn whole<K>(&self, kind: &'static str, hear: impl Fn(&mut Known, Event<K>) -> Vec<Whom>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), self.namespace);
        let begin = || watcher(api.clone(), config());
        self.follow(kind)
            .run(begin, |event| self.tell(hear(&mut lock(self.known), event)))
            .await;
    }

    /// Of what only has to be there: what is in it is looked at by the pass.
    async fn by_metadata<K>(&self, kind: &'static str)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let api: Api<PartialObjectMeta<K>> = Api::namespaced(self.client.clone(), self.namespace);
        let begin = || watcher(api.clone(), config());
        let hear = |event| self.tell(lock(self.known).other(kind, event));
        self.follow(kind).run(begin, hear).await;
    }

    fn follow(&self, kind: &'static str) -> Follow {
        Follow {
            kind,
            component: self.health.component(kind).informational(),
            metrics: self.metrics.clone(),
        }
    }

    fn tell(&self, whom: Vec<Whom>) {
        for (tenant, pipeline) in &whom {
            (self.changed)(tenant, pipeline);
        }
    }
}

fn config() -> watcher::Config {
    let labels = format!(
        "{}={},{}={}",
        names::NAME_LABEL,
        names::WORKER_NAME,
        names::MANAGED_BY_LABEL,
        names::MANAGED_BY
    );
    watcher::Config::default()
        .timeout(WATCH_SECONDS)
        .labels(&labels)
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    // Nothing under the lock panics half way.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
