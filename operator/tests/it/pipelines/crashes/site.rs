//! A pipeline with a store and a broker of its own, processes by hand, and what it all came to. Time passes when a test
//! says so.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Secret},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sendry_crds::SendryPipeline;
use sendry_domain::{
    beat::{Beat, ProcessRole, QueueBeat},
    id::{PipelineName, TenantId},
    routing::QueueName,
    time::UnixMillis,
    window::Window,
};
use sendry_operator::{
    context::{Context, SystemEntropy},
    controller::{Next, Reconcile},
    error::Failure,
    events::Events,
    metrics::OperatorMetrics,
    pipeline::{PipelineReconciler, Ports, Siblings, fleet::Followers},
    settings::Settings,
    topology::{self, Term, Topology},
    workers::{self, WorkersWatch},
};
use sendry_queue::{fake::FakeDepths, topology::fake::FakeBroker};
use sendry_runtime::clock::{Clock, ManualClock};
use sendry_store::{
    ControlStore, OperatorStore, Stamp, TenantRecord, adapters::sqlite::SqliteStore,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{crash::Saboteur, support::Corner, tenants::crashes::broker::Spoiling};

/// Processes until everything is at rest, and passes in one; more would be a loop.
const PROCESSES: usize = 20;
const PASSES: usize = 20;

/// One tenant and its namespace, for all sites.
pub struct Place {
    corner: Corner,
    tenant: TenantId,
    uid: Uuid,
}

impl Place {
    pub async fn of(corner: Corner) -> Self {
        let name = corner.tenant_name("crash");
        let namespace = json!({"metadata": {"name": name, "labels": {"sendry.io/tenant": name}}});
        let namespace = serde_json::from_value(namespace).unwrap();
        let api: Api<Namespace> = Api::all(corner.client.clone());
        api.create(&Default::default(), &namespace).await.unwrap();
        corner.object(&name, json!({"namespace": name})).await;
        let tenant = corner.tenants().get(&name).await.unwrap();
        Self {
            tenant: TenantId::new(&name).unwrap(),
            uid: tenant.uid().unwrap().parse().unwrap(),
            corner,
        }
    }
}

pub struct Site {
    place: Arc<Place>,
    name: PipelineName,
    store: Arc<SqliteStore>,
    broker: Arc<FakeBroker>,
    depths: Arc<FakeDepths>,
    settings: Arc<Settings>,
    clock: Arc<ManualClock>,
}

/// Everything that is left, without what differs from case to case.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Finalizers, and conditions as `Type=Status (Reason)`; `None` = gone.
    pipeline: Option<(Vec<String>, Vec<String>)>,
    row: Option<String>,
    /// Kinds of objects of the workers that are there.
    workers: Vec<&'static str>,
    broker: Vec<String>,
}

/// It stands alone.
struct Alone;

impl Siblings for Alone {
    fn of(&self, _namespace: &str) -> Option<Vec<Arc<SendryPipeline>>> {
        Some(Vec::new())
    }
}

impl Site {
    pub async fn new(place: &Arc<Place>, name: &str) -> Self {
        let store = place.corner.store();
        let stamp = Stamp {
            epoch: store.claim_epoch().await.unwrap(),
            uid: place.uid,
            generation: 1,
        };
        let record = TenantRecord {
            id: place.tenant.clone(),
            suspended: false,
            rate: None,
            window: Window::default(),
            raw_retention: 1,
            max_payload: None,
            retained_at: None,
            stamp: None,
        };
        let _ = store.apply_tenant(&stamp, &record).await.unwrap();
        let depths = FakeDepths::new();
        let name = PipelineName::new(name).unwrap();
        depths.set(
            QueueName::Pipeline(place.tenant.clone(), name.clone()),
            0,
            4,
        );
        Self {
            place: Arc::clone(place),
            name,
            store,
            broker: Arc::new(FakeBroker::new()),
            depths: Arc::new(depths),
            settings: Arc::new(place.corner.settings()),
            clock: ManualClock::at(1_000_000),
        }
    }

    fn api(&self) -> Api<SendryPipeline> {
        let namespace = self.place.tenant.as_str();
        Api::namespaced(self.place.corner.client.clone(), namespace)
    }

    pub async fn apply(&self) {
        let object = json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryPipeline",
            "metadata": {"name": self.name.as_str()},
            "spec": {"services": ["shop"], "scaling": {"min": 0}},
        });
        let params = PatchParams::apply("a-person").force();
        let name = self.name.as_str();
        self.api()
            .patch(name, &params, &Patch::Apply(&object))
            .await
            .unwrap();
    }

    pub async fn delete(&self) {
        self.api()
            .delete(self.name.as_str(), &Default::default())
            .await
            .unwrap();
    }

    /// A process from its start until it is at rest, as far as the saboteur lets it.
    pub async fn process(&self, saboteur: &Saboteur) -> Result<(), Failure> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let how = topology::Settings {
            owner: "it".to_owned(),
            interval: Duration::from_millis(200),
        };
        let broker = Spoiling {
            saboteur: saboteur.clone(),
            inner: Arc::clone(&self.broker),
        };
        let metrics = OperatorMetrics::default();
        let topology = Topology::new(Arc::new(broker), how, Arc::clone(&clock), metrics);
        let store: Arc<dyn OperatorStore> = self.store.clone();
        let cx = Context {
            client: saboteur.client(&self.place.corner.client),
            epoch: self.store.claim_epoch().await.unwrap(),
            store: saboteur.store(store),
            topology: topology.clone(),
            depths: self.depths.clone(),
            clock,
            entropy: Arc::new(SystemEntropy),
            events: Events::silent(),
            settings: Arc::clone(&self.settings),
        };
        let ports = Ports {
            siblings: Arc::new(Alone),
            followers: Followers::default(),
            workers: WorkersWatch::default(),
            holds: Arc::new(|| true),
        };
        let reconciler = PipelineReconciler::new(cx, ports);
        let term = Term {
            holds: &|| true,
            changed: &|_| {},
        };
        tokio::select! {
            passed = self.passes(&reconciler) => passed,
            () = topology.run(&term, CancellationToken::new()) => unreachable!("nobody stops it"),
        }
    }

    async fn passes(&self, reconciler: &PipelineReconciler) -> Result<(), Failure> {
        let key = format!("{}/{}", self.place.tenant, self.name);
        for pass in 1..=PASSES {
            self.beat(pass).await;
            match reconciler.reconcile(&key).await? {
                Next::AtRest => return Ok(()),
                Next::After(_) => self.clock.advance(6_000),
            }
        }
        panic!("{key}: a process does not come to rest");
    }

    /// A worker that holds nothing.
    async fn beat(&self, pass: usize) {
        let queue = QueueBeat {
            tenant: self.place.tenant.clone(),
            pipeline: Some(self.name.clone()),
            consumers: 4,
            in_flight: 0,
            oldest: None,
            reached: None,
            messages: 0,
            events: 0,
            busy_us: 0,
        };
        let beat = Beat {
            instance: Uuid::new_v4(),
            role: ProcessRole::Worker,
            sequence: pass as u64,
            at: UnixMillis(0),
            queues: vec![queue],
        };
        let all = self.store.beats().await.unwrap();
        for other in all {
            self.store.leave(other.instance).await.unwrap();
        }
        self.store.beat(&beat).await.unwrap();
    }

    /// Ever new processes until one writes nothing.
    pub async fn settle(&self) {
        for _ in 0..PROCESSES {
            let idle = Saboteur::idle();
            let ended = self.process(&idle).await;
            if ended.is_ok() && idle.writes().is_empty() {
                return;
            }
            // A broker that was away is asked again after a while.
            self.clock.advance(60_000);
        }
        panic!("{} does not come to rest", self.name);
    }

    /// Wherever ingest sends events, a queue is bound.
    pub async fn routes_lead_somewhere(&self, what: &str) {
        let rows = self.store.pipelines(&self.place.tenant).await.unwrap();
        for row in rows.iter().filter(|row| !row.record.retired) {
            let queue = QueueName::Pipeline(self.place.tenant.clone(), row.record.name.clone());
            let (queue, observed) = (queue.to_string(), self.broker.peek());
            let bound = observed.bindings.iter().any(|b| b.queue == queue);
            assert!(
                bound,
                "{what}: ingest sends events to {queue}, which is not bound"
            );
        }
    }

    async fn has<K>(&self) -> bool
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let client = self.place.corner.client.clone();
        let api: Api<K> = Api::namespaced(client, &self.settings.namespace);
        let name = workers::name(&self.place.tenant, &self.name);
        let found = api.get_opt(&name).await.unwrap();
        found.is_some_and(|found| found.meta().deletion_timestamp.is_none())
    }

    pub async fn end(&self) -> End {
        let pipeline = self.api().get_opt(self.name.as_str()).await.unwrap();
        let rows = self.store.pipelines(&self.place.tenant).await.unwrap();
        let row = rows.iter().find(|row| row.record.name == self.name);
        let plain = |text: &str| text.replace(self.name.as_str(), "NAME");
        let observed = self.broker.peek();
        let mut broker: Vec<String> = observed.queues.iter().map(|q| plain(&q.name)).collect();
        let bindings = observed.bindings.iter();
        broker.extend(bindings.map(|b| plain(&format!("{}->{}", b.source, b.queue))));
        broker.extend(observed.policies.iter().map(|p| plain(&p.name)));
        if let sendry_queue::topology::Logins::Read { users, .. } = &observed.logins {
            broker.extend(users.iter().map(|u| plain(&format!("user {}", u.name))));
        }
        broker.sort();
        let there = [
            ("Secret", self.has::<Secret>().await),
            ("ConfigMap", self.has::<ConfigMap>().await),
            ("Deployment", self.has::<Deployment>().await),
            (
                "PodDisruptionBudget",
                self.has::<PodDisruptionBudget>().await,
            ),
        ];
        End {
            pipeline: pipeline.map(|pipeline| {
                let conditions = pipeline.status.clone().unwrap_or_default().conditions;
                let said = conditions
                    .into_iter()
                    .map(|c| format!("{}={} ({})", c.type_, c.status, c.reason));
                (pipeline.finalizers().to_vec(), said.collect())
            }),
            row: row.map(|row| {
                format!(
                    "{} {:?} {:?}",
                    row.record.retired, row.stage, row.record.services
                )
            }),
            workers: there
                .into_iter()
                .filter_map(|(kind, is)| is.then_some(kind))
                .collect(),
            broker,
        }
    }
}
