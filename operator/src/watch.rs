//! Who notices changes?
//!
//! Four watches and a fifth: tenants, pipelines, the Secrets and namespaces that carry a tenant's label (metadata only: no
//! key is ever held in memory for being watched), and the CustomResourceDefinition itself. What they hear becomes names in
//! the [`WorkQueue`] of tenants and in that of pipelines, in the lane of changes. A tenant that changes is news to its
//! pipelines, and a pipeline to its tenant and to those beside it.
//!
//! **Guarantee.** A change that is heard leads to a pass after it; one that is missed, to the next resync. What goes from
//! the cache leads to a pass of that name and to nothing else: the pass asks the API server itself. An object that cannot
//! be read is logged, counted, told by an Event, and stops nobody. A CustomResourceDefinition that is not there is waited
//! for. A watch that breaks begins again with a list, and only what is different in it counts as changed.

mod crd;
mod follow;
mod known;
mod labelled;
mod pipelines;
mod tenants;

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{DeserializeGuard, PartialObjectMeta},
    runtime::{
        events::EventType,
        watcher::{self, watcher},
    },
};
use sendry_crds::{SendryPipeline, SendryTenant, names::TENANT_LABEL};
use sendry_runtime::health::{Component, Health};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::{events::Events, metrics::OperatorMetrics, work::WorkQueue};

pub use crd::{Crd, CrdWatch};
pub use known::key;
pub use pipelines::{Ours, Pipelines};
pub use tenants::Tenants;

pub(crate) use follow::Follow;
use known::Unreadable;
use labelled::Labelled;

/// The API server ends a watch after so many seconds and we begin the next: so long at most goes a connection unnoticed
/// that is dead without saying so.
pub(crate) const WATCH_SECONDS: u32 = 60;

/// The watches of one term of leadership.
pub struct Watch {
    /// To read, and to tell Events.
    pub client: Client,
    /// Only tenants that this label selector selects.
    pub filter: Option<String>,
    /// The value that it selects.
    pub watch_filter: Option<String>,
    /// The cache to fill.
    pub tenants: Tenants,
    /// Where names of what changed go.
    pub queue: WorkQueue,
    /// The cache of pipelines to fill.
    pub pipelines: Pipelines,
    /// Where keys of pipelines go.
    pub pipeline_queue: WorkQueue,
    /// Who is told of what cannot be read.
    pub events: Events,
    /// Counters.
    pub metrics: OperatorMetrics,
    /// Where it is said whether the tenants are known.
    pub health: Health,
    /// Whether the kind is there at all.
    pub crd: Crd,
}

impl Watch {
    /// Runs until dropped.
    pub async fn run(self) {
        let (tell, unreadable) = mpsc::unbounded_channel();
        tokio::join!(
            self.follow_tenants(tell.clone()),
            self.follow_pipelines(tell),
            self.follow_labelled::<Secret>("secrets", labelled::content),
            self.follow_labelled::<Namespace>("namespaces", labelled::metadata),
            self.tell(unreadable),
        );
    }

    async fn follow_tenants(&self, tell: mpsc::UnboundedSender<Arc<Unreadable>>) {
        let component = self.health.component("tenants");
        let api: Api<DeserializeGuard<SendryTenant>> = Api::all(self.client.clone());
        let mut config = watcher::Config::default().timeout(WATCH_SECONDS);
        if let Some(filter) = &self.filter {
            config = config.labels(filter);
        }
        let mut crd = self.crd.clone();
        loop {
            let uid = crd.present(&component).await;
            let follow = self.follow("tenants", component.clone());
            let hear = |event| {
                let heard = self.tenants.hear(event);
                for name in &heard.changed {
                    self.queue.changed(name);
                }
                for name in &heard.listed {
                    self.queue.resync(name);
                }
                for pipeline in heard.namespaces.iter().flat_map(|n| self.pipelines.of(n)) {
                    let key = key(
                        &pipeline.namespace().unwrap_or_default(),
                        &pipeline.name_any(),
                    );
                    self.pipeline_queue.changed(&key);
                }
                let (readable, unreadable) = self.tenants.counts();
                self.metrics.tenants.set(readable);
                self.metrics
                    .unreadable
                    .get_or_create(&follow.kind())
                    .set(unreadable);
                for one in heard.unreadable {
                    // Who would hear of it goes with us.
                    let _ = tell.send(one);
                }
            };
            tokio::select! {
                () = follow.run(|| watcher(api.clone(), config.clone()), hear) => {}
                () = crd.is_another_than(&uid) => {}
            }
        }
    }

    async fn follow_pipelines(&self, tell: mpsc::UnboundedSender<Arc<Unreadable>>) {
        let component = self.health.component("pipelines").informational();
        let api: Api<DeserializeGuard<SendryPipeline>> = Api::all(self.client.clone());
        let config = watcher::Config::default().timeout(WATCH_SECONDS);
        let ours = self.ours();
        let follow = self.follow("pipelines", component);
        let hear = |event| {
            let heard = self.pipelines.hear(event);
            for key in heard
                .changed
                .iter()
                .filter(|k| ours.may(k, &self.pipelines))
            {
                self.pipeline_queue.changed(key);
            }
            for key in heard.listed.iter().filter(|k| ours.may(k, &self.pipelines)) {
                self.pipeline_queue.resync(key);
            }
            if !heard.namespaces.is_empty() {
                for tenant in self.tenants.all() {
                    if heard.namespaces.contains(&tenant.spec.namespace) {
                        self.queue.changed(&tenant.name_any());
                    }
                }
            }
            let (readable, unreadable) = self.pipelines.counts();
            self.metrics.pipelines.set(readable);
            self.metrics
                .unreadable
                .get_or_create(&follow.kind())
                .set(unreadable);
            for one in heard.unreadable {
                // Who would hear of it goes with us.
                let _ = tell.send(one);
            }
        };
        follow
            .run(|| watcher(api.clone(), config.clone()), hear)
            .await;
    }

    fn ours(&self) -> Ours {
        Ours {
            filter: self.watch_filter.clone(),
            tenants: self.tenants.clone(),
        }
    }

    async fn follow_labelled<K>(&self, kind: &'static str, mark: labelled::Mark)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let component = self.health.component(kind).informational();
        let api: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let config = watcher::Config::default()
            .timeout(WATCH_SECONDS)
            .labels(TENANT_LABEL);
        let mut known = Labelled::new(mark);
        let hear = |event| {
            for name in known.hear(event) {
                // Others may run beside us, with tenants of their own.
                if self.tenants.knows(&name) {
                    self.queue.changed(&name);
                }
            }
        };
        self.follow(kind, component)
            .run(|| watcher(api.clone(), config.clone()), hear)
            .await;
    }

    fn follow(&self, kind: &'static str, component: Component) -> Follow {
        Follow {
            kind,
            component,
            metrics: self.metrics.clone(),
        }
    }

    /// Apart from the watch itself, which must not wait for an Event to be told.
    async fn tell(&self, mut unreadable: mpsc::UnboundedReceiver<Arc<Unreadable>>) {
        while let Some(one) = unreadable.recv().await {
            let Unreadable { about, error } = &*one;
            let note = format!(
                "this object cannot be read, so nothing is done about it: {error}. Was it made under another version of \
                 the CustomResourceDefinition? Apply it again"
            );
            self.events
                .publish(about, EventType::Warning, "Unreadable", "Read", &note)
                .await;
        }
    }
}
