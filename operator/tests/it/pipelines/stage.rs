//! A tenant with pipelines, workers that a test stands for, and a look at all that came of it.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, ServiceAccount},
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use sendry_crds::{SendryPipeline, condition::find};
use sendry_domain::{
    beat::{Beat, ProcessRole, QueueBeat},
    id::{PipelineName, TenantId},
    routing::QueueName,
    time::UnixMillis,
};
use sendry_operator::workers;
use sendry_store::{ControlStore, ManagedPipeline, OperatorStore, adapters::sqlite::SqliteStore};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    support::{eventually, is},
    tenants::stage::{Stage, known},
};

/// A tenant of its own, whose namespace has its name.
pub struct Pipes {
    pub stage: Stage,
    pub tenant: String,
}

impl Pipes {
    pub async fn new() -> Self {
        Self::of(json!({})).await
    }

    pub async fn of(spec: Value) -> Self {
        let stage = Stage::new().await;
        let tenant = stage.apply("acme", spec).await;
        stage.ready(&tenant).await;
        // What workers' pods run under.
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some("sendry-worker".to_owned()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        let namespace = &stage.corner.operators;
        let api: Api<ServiceAccount> = Api::namespaced(stage.corner.client.clone(), namespace);
        api.create(&PostParams::default(), &account).await.unwrap();
        Self { stage, tenant }
    }

    /// Of a tenant that is there.
    pub fn on(stage: Stage, tenant: String) -> Self {
        Self { stage, tenant }
    }

    pub fn id(&self) -> TenantId {
        TenantId::new(&self.tenant).unwrap()
    }

    pub fn api(&self) -> Api<SendryPipeline> {
        Api::namespaced(self.stage.corner.client.clone(), &self.tenant)
    }

    pub async fn apply(&self, name: &str, spec: Value) {
        self.apply_with(name, json!({}), spec).await;
    }

    pub async fn apply_with(&self, name: &str, annotations: Value, spec: Value) {
        let object = json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryPipeline",
            "metadata": {"name": name, "namespace": self.tenant, "annotations": annotations},
            "spec": spec,
        });
        let params = PatchParams::apply("a-person").force();
        let api = self.api();
        api.patch(name, &params, &Patch::Apply(&object))
            .await
            .unwrap();
    }

    /// One that wants no workers, so that it is ready without any.
    pub async fn idle(&self, name: &str, mut spec: Value) -> SendryPipeline {
        spec["scaling"] = json!({"min": 0});
        self.apply(name, spec).await;
        self.ready(name).await
    }

    pub async fn delete(&self, name: &str) {
        let api = self.api();
        api.delete(name, &Default::default()).await.unwrap();
    }

    pub async fn ready(&self, name: &str) -> SendryPipeline {
        self.says(name, "Ready", "True", None).await
    }

    /// Waits until a condition of the newest spec says so.
    pub async fn says(
        &self,
        name: &str,
        kind: &str,
        status: &str,
        reason: Option<&str>,
    ) -> SendryPipeline {
        let what = format!("{name} to say {kind}={status} {reason:?}");
        eventually(&what, async || {
            let pipeline = self.api().get(name).await.map_err(|e| e.to_string())?;
            let said = pipeline.status.clone().unwrap_or_default();
            known(said.conditions.iter().map(|c| &c.reason));
            let condition = find(&said.conditions, kind).cloned();
            let so = condition.as_ref().is_some_and(|c| {
                c.status == status
                    && reason.is_none_or(|reason| c.reason == reason)
                    && c.observed_generation == pipeline.metadata.generation
            });
            is(so, &said).map(|()| pipeline)
        })
        .await
    }

    pub async fn gone(&self, name: &str) {
        eventually("the pipeline to go", async || {
            let found = self.api().get_opt(name).await.unwrap();
            let seen = found.map(|p| (p.metadata.finalizers, p.status));
            is(seen.is_none(), seen)
        })
        .await;
    }

    /// What the store keeps of a pipeline.
    pub async fn row(&self, name: &str) -> Option<ManagedPipeline> {
        let rows = self.stage.store.pipelines(&self.id()).await.unwrap();
        rows.into_iter()
            .find(|row| row.record.name.as_str() == name)
    }

    /// Whether ingest sends events there.
    pub async fn is_routed(&self, name: &str) -> bool {
        self.row(name).await.is_some_and(|row| !row.record.retired)
    }

    pub fn queue(&self, name: &str) -> QueueName {
        QueueName::Pipeline(self.id(), PipelineName::new(name).unwrap())
    }

    /// Whether the broker has its queue, and with how many bindings.
    pub fn on_the_broker(&self, name: &str) -> (bool, usize) {
        let (observed, queue) = (self.stage.broker.peek(), self.queue(name).to_string());
        let bound = observed.bindings.iter().filter(|b| b.queue == queue);
        (
            observed.queues.iter().any(|q| q.name == queue),
            bound.count(),
        )
    }

    pub fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(
            self.stage.corner.client.clone(),
            &self.stage.corner.operators,
        )
    }

    pub fn workers(&self, name: &str) -> String {
        workers::name(&self.id(), &PipelineName::new(name).unwrap())
    }

    /// Waits until so many workers are asked for.
    pub async fn has_workers(&self, name: &str, wanted: i32) {
        let (api, deployment) = (self.deployments(), self.workers(name));
        eventually(&format!("{wanted} workers of {name}"), async || {
            let found = api.get_opt(&deployment).await.unwrap();
            let replicas = found.and_then(|d| d.spec).and_then(|spec| spec.replicas);
            is(replicas == Some(wanted), replicas)
        })
        .await;
    }

    /// As the autoscaler and nodes would have it: so many are wanted, and so many are ready.
    pub async fn scale(&self, name: &str, wanted: i32, ready: usize) {
        let (api, deployment) = (self.deployments(), self.workers(name));
        eventually("the Deployment", async || {
            let found = api.get_opt(&deployment).await.unwrap();
            is(found.is_some(), ())
        })
        .await;
        let patch = Patch::Merge(json!({"spec": {"replicas": wanted}}));
        let params = PatchParams {
            field_manager: Some("sendry-autoscaler".to_owned()),
            ..PatchParams::default()
        };
        api.patch_scale(&deployment, &params, &patch).await.unwrap();
        let labels = workers::build::selector(&self.id(), &PipelineName::new(name).unwrap());
        let namespace = &self.stage.corner.operators;
        let api: Api<Pod> = Api::namespaced(self.stage.corner.client.clone(), namespace);
        let params = ListParams::default().labels(&labels);
        let pods = eventually("the pods", async || {
            let pods = api.list(&params).await.unwrap().items;
            let there = i32::try_from(pods.len()).unwrap();
            is(there == wanted, there).map(|()| pods)
        })
        .await;
        for pod in pods.iter().take(ready) {
            let condition = json!({"type": "Ready", "status": "True"});
            let status = json!({"status": {"phase": "Running", "conditions": [condition]}});
            let (name, params) = (pod.name_any(), PatchParams::default());
            api.patch_status(&name, &params, &Patch::Merge(status))
                .await
                .unwrap();
        }
    }

    /// A worker that goes on saying that it holds so many messages of the pipeline's queue.
    pub fn worker(&self, name: &str, in_flight: u64) -> Worker {
        let beat = Beat {
            instance: Uuid::new_v4(),
            role: ProcessRole::Worker,
            sequence: 0,
            at: UnixMillis(0),
            queues: vec![QueueBeat {
                tenant: self.id(),
                pipeline: Some(PipelineName::new(name).unwrap()),
                consumers: 4,
                in_flight,
                oldest: None,
                reached: None,
                messages: 0,
                events: 0,
                busy_us: 0,
            }],
        };
        Worker(tokio::spawn(beating(self.stage.store.clone(), beat)))
    }

    pub async fn told(&self, name: &str, reason: &str) {
        eventually(&format!("an Event {reason}"), async || {
            let events = self.stage.events_in(&self.tenant, name).await;
            is(events.contains_key(reason), events)
        })
        .await;
    }
}

/// Dropped, it is gone.
pub struct Worker(JoinHandle<()>);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn beating(store: Arc<SqliteStore>, mut beat: Beat) {
    loop {
        beat.sequence += 1;
        store.beat(&beat).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
