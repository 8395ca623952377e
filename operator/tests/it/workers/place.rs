//! A pipeline's workers in a corner of the cluster, and passes by hand.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, ReplicaSet},
        core::v1::{ConfigMap, Pod, Secret, ServiceAccount},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use sendry_crds::pipeline::WorkerSpec;
use sendry_domain::id::{PipelineName, TenantId};
use sendry_operator::{
    context::{Context, SystemEntropy},
    error::Failure,
    events::Events,
    workers::{self, Wanted, apply::SCALER, template::PodTemplate},
};
use sendry_queue::topology::fake::FakeBroker;
use sendry_runtime::clock::SystemClock;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    crash::Saboteur,
    support::{Corner, topology},
};

pub struct Place {
    pub corner: Arc<Corner>,
    /// The operator's.
    pub client: Client,
    pub tenant: TenantId,
    pub pipeline: PipelineName,
    pub spec: WorkerSpec,
    /// What the platform says of pods.
    pub template: PodTemplate,
}

impl Place {
    pub async fn new() -> Self {
        let kubeconfig = sendry_servers::url(sendry_servers::Server::Kubernetes);
        let corner = Corner::on(std::path::Path::new(&kubeconfig)).await;
        Self::of(Arc::new(corner), "orders")
    }

    /// Another pipeline of the same corner.
    pub fn of(corner: Arc<Corner>, pipeline: &str) -> Self {
        Self {
            client: corner.client.clone(),
            corner,
            tenant: TenantId::new("acme").unwrap(),
            pipeline: PipelineName::new(pipeline).unwrap(),
            spec: WorkerSpec::default(),
            template: PodTemplate::default(),
        }
    }

    pub fn name(&self) -> String {
        workers::name(&self.tenant, &self.pipeline)
    }

    pub fn context(&self, saboteur: &Saboteur) -> Context {
        let mut settings = self.corner.settings();
        settings.pods.template = self.template.clone();
        Context {
            client: saboteur.client(&self.client),
            store: self.corner.store(),
            epoch: 1,
            topology: topology(Arc::new(FakeBroker::new())),
            depths: Arc::new(sendry_queue::fake::FakeDepths::new()),
            clock: SystemClock::shared(),
            entropy: Arc::new(SystemEntropy),
            events: Events::silent(),
            settings: Arc::new(settings),
        }
    }

    /// What a pipeline's pass does for its workers.
    pub async fn pass(&self, saboteur: &Saboteur) -> Result<(), Failure> {
        let cx = self.context(saboteur);
        workers::reader(&cx, &self.tenant, &self.pipeline).await?;
        let wanted = Wanted {
            tenant: self.tenant.clone(),
            pipeline: self.pipeline.clone(),
            spec: self.spec.clone(),
        };
        workers::ensure(&cx, &wanted).await
    }

    pub async fn removal(&self, saboteur: &Saboteur) -> Result<(), Failure> {
        let cx = self.context(saboteur);
        workers::remove(&cx, &self.tenant, &self.pipeline).await
    }

    /// Passes without a fault. Returns what they wrote.
    pub async fn settle(&self) -> Vec<String> {
        let idle = Saboteur::idle();
        self.pass(&idle).await.unwrap();
        idle.writes()
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.corner.client.clone(), &self.corner.operators)
    }

    pub async fn find<K>(&self) -> Option<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        self.api().get_opt(&self.name()).await.unwrap()
    }

    pub async fn deployment(&self) -> Deployment {
        self.find().await.unwrap()
    }

    /// As the autoscaler asks for another number.
    pub async fn scale(&self, replicas: i32) {
        let params = PatchParams {
            field_manager: Some(SCALER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let api = self.api::<Deployment>();
        api.patch_scale(&self.name(), &params, &patch)
            .await
            .unwrap();
    }

    pub async fn replicas(&self) -> Option<i32> {
        self.deployment().await.spec.unwrap().replicas
    }

    pub async fn secret(&self) -> BTreeMap<String, String> {
        crate::tenants::stage::values(&self.find::<Secret>().await.unwrap())
    }

    /// Which of the four are there.
    pub async fn there(&self) -> [bool; 4] {
        [
            self.find::<Secret>().await.is_some(),
            self.find::<ConfigMap>().await.is_some(),
            self.find::<Deployment>().await.is_some(),
            self.find::<PodDisruptionBudget>().await.is_some(),
        ]
    }

    pub async fn of_labels<K>(&self) -> Vec<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let labels = workers::build::selector(&self.tenant, &self.pipeline);
        let params = ListParams::default().labels(&labels);
        self.api().list(&params).await.unwrap().items
    }

    pub async fn pods(&self) -> usize {
        self.of_labels::<Pod>().await.len()
    }

    /// Pods that the ReplicaSets of the Deployment want, when its controller has seen it as it is; else `None`.
    pub async fn pods_wanted(&self) -> Option<i32> {
        let found = self.deployment().await;
        let seen = found.status.as_ref()?.observed_generation?;
        let sets = self.of_labels::<ReplicaSet>().await;
        let wanted = sets.iter().filter_map(|set| set.spec.as_ref()?.replicas);
        (Some(seen) == found.metadata.generation && !sets.is_empty()).then(|| wanted.sum())
    }

    /// The account that workers' pods run under.
    pub async fn account(&self) {
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some("sendry-worker".to_owned()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        let api = self.api();
        api.create(&PostParams::default(), &account).await.unwrap();
    }

    /// What is applied next must not set it back.
    pub async fn replicas_are_not_ours(&self) {
        let found = self.deployment().await;
        for entry in found.managed_fields() {
            let fields = entry.fields_v1.clone().unwrap().0;
            let owns = fields["f:spec"].get("f:replicas").is_some();
            let ours = entry.manager.as_deref() == Some("sendry-operator");
            assert!(!(owns && ours), "{entry:?}");
        }
    }
}
