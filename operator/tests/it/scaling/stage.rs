//! Pipelines and Deployments on a real API server, an autoscaler over them, and a fleet as a cache would show it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v1::Scale};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sendry_crds::{SendryPipeline, condition::find};
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_operator::{
    autoscaler::{self, Fleet, Followed, Workers},
    context::{Context, SystemEntropy},
    events::Events,
    metrics::OperatorMetrics,
    settings::Settings,
};
use sendry_queue::QueueDepths;
use sendry_runtime::{
    clock::SystemClock,
    metrics::{Metrics, MetricsBuilder},
};
use sendry_store::OperatorStore;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Corner, eventually, is, topology};

/// Whose pipelines they are, and the namespace of pipelines and Deployments alike.
pub struct Stage {
    pub corner: Corner,
    pub events: Events,
    pub metrics: Metrics,
    fleet: Arc<Shown>,
    tasks: Vec<JoinHandle<()>>,
}

/// What was last seen of the cluster, some milliseconds ago.
#[derive(Default)]
struct Shown {
    followed: Mutex<Vec<Followed>>,
    /// Deployments that it claims to have seen, though they are not there, by pipeline.
    ghosts: Mutex<BTreeMap<String, Workers>>,
    /// Pipelines that count as kept.
    kept: Mutex<BTreeSet<String>>,
}

impl Fleet for Shown {
    fn followed(&self) -> Vec<Followed> {
        self.followed.lock().unwrap().clone()
    }
}

impl Stage {
    /// With an autoscaler that looks once in `interval`.
    pub async fn new(depths: Arc<dyn QueueDepths>, interval: Duration) -> Self {
        let corner = Corner::shared().await;
        let mut builder = MetricsBuilder::new();
        let counters = OperatorMetrics::register(builder.registry());
        let store = corner.store();
        let events = Events::recording();
        let cx = Context {
            client: corner.client.clone(),
            epoch: store.claim_epoch().await.unwrap(),
            store,
            topology: topology(Arc::new(sendry_queue::topology::fake::FakeBroker::new())),
            depths,
            clock: SystemClock::shared(),
            entropy: Arc::new(SystemEntropy),
            events: events.clone(),
            settings: Arc::new(Settings {
                namespace: corner.name.clone(),
                scaling: interval,
                ..Settings::default()
            }),
        };
        let fleet = Arc::new(Shown::default());
        let scaling = autoscaler::run(cx, fleet.clone(), counters.scaling.clone());
        let watching = watch(corner.client.clone(), corner.name.clone(), fleet.clone());
        Self {
            corner,
            events,
            metrics: builder.build(),
            fleet,
            tasks: vec![tokio::spawn(scaling), tokio::spawn(watching)],
        }
    }

    /// The queue of a pipeline.
    pub fn queue(&self, pipeline: &str) -> QueueName {
        QueueName::Pipeline(self.tenant(), PipelineName::new(pipeline).unwrap())
    }

    pub fn tenant(&self) -> TenantId {
        TenantId::new(&self.corner.name).unwrap()
    }

    pub fn pipelines(&self) -> Api<SendryPipeline> {
        Api::namespaced(self.corner.client.clone(), &self.corner.name)
    }

    pub fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.corner.client.clone(), &self.corner.name)
    }

    /// Applies a pipeline as a person does.
    pub async fn apply(&self, name: &str, scaling: Value) {
        let object = json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryPipeline",
            "metadata": {"name": name},
            "spec": {"scaling": scaling},
        });
        let params = PatchParams::apply("a-person").force();
        let patch = Patch::Apply(&object);
        self.pipelines().patch(name, &params, &patch).await.unwrap();
    }

    /// Makes a pipeline's Deployment, or applies it again, as the operator does: without a number.
    pub async fn deploy(&self, pipeline: &str) {
        let labels = json!({"sendry.io/pipeline": pipeline});
        let object = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": deployment(pipeline)},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "worker", "image": "nowhere.invalid/worker"}]},
                },
            },
        });
        let params = PatchParams::apply("sendry-operator").force();
        let (name, patch) = (deployment(pipeline), Patch::Apply(&object));
        self.deployments()
            .patch(&name, &params, &patch)
            .await
            .unwrap();
    }

    /// Somebody asks for another number of a pipeline's Deployment.
    pub async fn set(&self, pipeline: &str, replicas: u32) {
        let patch = json!({"spec": {"replicas": replicas}});
        let params = PatchParams::default();
        let (name, patch) = (deployment(pipeline), Patch::Merge(&patch));
        self.deployments()
            .patch_scale(&name, &params, &patch)
            .await
            .unwrap();
    }

    /// The cache shows a Deployment that is not there.
    pub fn haunt(&self, pipeline: &str, wanted: u32) {
        let workers = Workers {
            deployment: deployment(pipeline),
            uid: String::new(),
            wanted,
            there: 0,
            ready: 0,
        };
        let mut ghosts = self.fleet.ghosts.lock().unwrap();
        ghosts.insert(pipeline.to_owned(), workers);
    }

    /// A pipeline of this name counts as deleted and kept.
    pub fn keep(&self, pipeline: &str) {
        self.fleet.kept.lock().unwrap().insert(pipeline.to_owned());
    }

    /// The term of the autoscaler is over, and it is dropped.
    pub async fn end_term(&mut self) {
        let scaling = self.tasks.remove(0);
        scaling.abort();
        assert!(scaling.await.unwrap_err().is_cancelled());
    }

    pub async fn scale(&self, pipeline: &str) -> Scale {
        self.deployments()
            .get_scale(&deployment(pipeline))
            .await
            .unwrap()
    }

    /// Workers asked for.
    pub async fn wanted(&self, pipeline: &str) -> u32 {
        let spec = self.scale(pipeline).await.spec.unwrap();
        u32::try_from(spec.replicas.unwrap_or(0)).unwrap()
    }

    pub async fn wanted_becomes(&self, pipeline: &str, wanted: u32) {
        eventually(&format!("{wanted} workers of {pipeline}"), async || {
            let seen = self.wanted(pipeline).await;
            is(seen == wanted, seen)
        })
        .await;
    }

    /// A condition's status and reason.
    pub async fn said(&self, pipeline: &str, kind: &str) -> Option<(String, String)> {
        let status = self.pipelines().get(pipeline).await.unwrap().status?;
        let said = find(&status.conditions, kind)?;
        Some((said.status.clone(), said.reason.clone()))
    }

    pub async fn says(&self, pipeline: &str, kind: &str, status: &str, reason: &str) {
        let expected = Some((status.to_owned(), reason.to_owned()));
        eventually(&format!("{kind}={status} ({reason})"), async || {
            let seen = self.said(pipeline, kind).await;
            is(seen == expected, seen)
        })
        .await;
    }

    /// A metric's value, or `None` while it has none; of several, the first.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.metrics.encode().unwrap();
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub fn deployment(pipeline: &str) -> String {
    format!("w-{pipeline}")
}

/// Keeps the fleet up to date, with the lag of a cache.
async fn watch(client: kube::Client, namespace: String, fleet: Arc<Shown>) {
    let pipelines: Api<SendryPipeline> = Api::namespaced(client.clone(), &namespace);
    let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
    loop {
        let all = pipelines.list(&Default::default()).await;
        let there = deployments.list(&Default::default()).await;
        if let (Ok(all), Ok(there)) = (all, there) {
            let ghosts = fleet.ghosts.lock().unwrap().clone();
            let followed = all.into_iter().map(|pipeline| {
                let name = pipeline.name_any();
                let of_it = there.iter().find(|d| d.name_any() == deployment(&name));
                Followed {
                    tenant: TenantId::new(&namespace).unwrap(),
                    pipeline: Arc::new(pipeline),
                    max_workers: None,
                    draining: false,
                    kept: fleet.kept.lock().unwrap().contains(&name),
                    workers: of_it.map(workers).or_else(|| ghosts.get(&name).cloned()),
                }
            });
            *fleet.followed.lock().unwrap() = followed.collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn workers(deployment: &Deployment) -> Workers {
    let number = |n: Option<i32>| u32::try_from(n.unwrap_or(0)).unwrap();
    let spec = deployment.spec.as_ref();
    let status = deployment.status.clone().unwrap_or_default();
    Workers {
        deployment: deployment.name_any(),
        uid: deployment.uid().unwrap_or_default(),
        wanted: number(spec.and_then(|spec| spec.replicas)),
        there: number(status.replicas),
        ready: number(status.ready_replicas),
    }
}
