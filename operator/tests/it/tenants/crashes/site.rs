//! A tenant with a store and a broker of its own, passes by hand, and what it all came to.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sendry_crds::SendryTenant;
use sendry_domain::api_key::ApiKey;
use sendry_operator::{
    context::{Context, SystemEntropy},
    controller::{Next, Reconcile},
    error::Failure,
    events::Events,
    metrics::OperatorMetrics,
    pipeline::fleet::Followers,
    settings::{Settings, WATCH_FILTER_LABEL},
    tenant::{TenantReconciler, others::Others},
    topology::{self, Term, Topology},
};
use sendry_queue::{fake::FakeDepths, topology::fake::FakeBroker};
use sendry_runtime::clock::{Clock, SystemClock};
use sendry_store::{ControlStore, OperatorStore, adapters::sqlite::SqliteStore};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::broker::Spoiling;
use crate::{crash::Saboteur, support::Corner, tenants::stage::values};

/// Passes until everything is at rest; more would be a loop.
const PASSES: usize = 20;

pub struct Site {
    corner: Arc<Corner>,
    name: String,
    store: Arc<SqliteStore>,
    broker: Arc<FakeBroker>,
    settings: Arc<Settings>,
}

/// Everything that is left, without what differs from case to case.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Finalizers, and conditions as `Type=Status (Reason)`; `None` = gone.
    tenant: Option<(Vec<String>, Vec<String>)>,
    namespace: Option<(BTreeMap<String, String>, BTreeMap<String, String>)>,
    /// Names and the words in them.
    secrets: BTreeMap<String, Vec<String>>,
    settings: String,
    /// Entry, published, retired, revoked.
    verifiers: Vec<(String, bool, bool, bool)>,
    pub keys: usize,
    broker: Vec<String>,
}

struct Nobody;

impl Others for Nobody {
    fn older_claim(&self, _tenant: &SendryTenant) -> Option<String> {
        None
    }

    fn claimants(&self, _tenant: &SendryTenant) -> Vec<String> {
        Vec::new()
    }
}

impl Site {
    pub fn new(corner: &Arc<Corner>, short: &str) -> Self {
        Self {
            name: corner.tenant_name(short),
            store: corner.store(),
            broker: Arc::new(FakeBroker::new()),
            settings: Arc::new(corner.settings()),
            corner: Arc::clone(corner),
        }
    }

    pub async fn apply(&self, mut spec: Value) {
        spec["namespace"] = json!(self.name);
        let object = json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryTenant",
            "metadata": {"name": self.name, "labels": {WATCH_FILTER_LABEL: self.corner.name}},
            "spec": spec,
        });
        let params = PatchParams::apply("a-person").force();
        let (tenants, patch) = (self.corner.tenants(), Patch::Apply(&object));
        tenants.patch(&self.name, &params, &patch).await.unwrap();
    }

    pub async fn delete(&self) {
        let tenants = self.corner.tenants();
        tenants
            .delete(&self.name, &Default::default())
            .await
            .unwrap();
    }

    /// A pass of a process that has just started, as far as the saboteur lets it.
    pub async fn pass(&self, saboteur: &Saboteur) -> Result<Next, Failure> {
        let clock: Arc<dyn Clock> = SystemClock::shared();
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
            client: saboteur.client(&self.corner.client),
            epoch: self.store.claim_epoch().await.unwrap(),
            store: saboteur.store(store),
            topology: topology.clone(),
            depths: Arc::new(FakeDepths::new()),
            clock,
            entropy: Arc::new(SystemEntropy),
            events: Events::silent(),
            settings: Arc::clone(&self.settings),
        };
        let reconciler = TenantReconciler {
            cx,
            others: Arc::new(Nobody),
            metrics: OperatorMetrics::default(),
            again: Arc::new(|_: &str| {}),
            pipelines: Followers::default(),
            wake: Arc::new(|_: &str| {}),
        };
        let term = Term {
            holds: &|| true,
            changed: &|_| {},
        };
        tokio::select! {
            passed = reconciler.reconcile(&self.name) => passed,
            () = topology.run(&term, CancellationToken::new()) => unreachable!("nobody stops it"),
        }
    }

    /// Passes of ever new processes until one writes nothing.
    pub async fn settle(&self) {
        for _ in 0..PASSES {
            let idle = Saboteur::idle();
            let passed = self.pass(&idle).await;
            if passed.is_ok() && idle.writes().is_empty() {
                return;
            }
        }
        panic!("{} does not come to rest", self.name);
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.corner.client.clone(), &self.name)
    }

    /// What Secrets publish, by their names.
    pub async fn values(&self) -> BTreeMap<String, String> {
        let all = self.secrets().list(&Default::default()).await.unwrap();
        let shown = all.into_iter().filter_map(|secret| {
            let key = values(&secret).remove("api-key")?;
            Some((secret.name_any(), key))
        });
        shown.collect()
    }

    /// Whatever a Secret publishes, ingest accepts, unless it was revoked.
    pub async fn shown_is_known(&self) {
        let snapshot = self.store.snapshot().await.unwrap();
        for (name, text) in self.values().await {
            let key = ApiKey::parse(&text).unwrap();
            let known = snapshot.keys.iter().find(|record| record.id == *key.id());
            let known = known.unwrap_or_else(|| panic!("Secret {name} shows an unknown key"));
            assert!(known.hash.matches(&key.hash()));
        }
    }

    pub async fn end(&self) -> End {
        let tenant = self.corner.tenants().get_opt(&self.name).await.unwrap();
        let namespaces: Api<Namespace> = Api::all(self.corner.client.clone());
        let namespace = namespaces.get_opt(&self.name).await.unwrap();
        let secrets = self.secrets().list(&Default::default()).await.unwrap();
        let snapshot = self.store.snapshot().await.unwrap();
        let record = snapshot.tenants.iter().find(|t| t.id.as_str() == self.name);
        let settings = record.map(|r| {
            format!(
                "{} {:?} {:?} {}",
                r.suspended,
                r.rate,
                r.window,
                r.retained_at.is_some()
            )
        });
        let mut verifiers: Vec<_> = snapshot
            .keys
            .iter()
            .map(|key| {
                let managed = key.managed.clone().unwrap();
                let (retired, revoked) = (key.not_after.is_some(), key.revoked_at.is_some());
                (managed.entry, managed.published, retired, revoked)
            })
            .collect();
        verifiers.sort();
        let observed = self.broker.peek();
        let mut broker: Vec<String> = observed.queues.iter().map(|q| q.name.clone()).collect();
        broker.extend(
            observed
                .bindings
                .iter()
                .map(|b| format!("{}->{}", b.source, b.queue)),
        );
        broker.extend(observed.policies.iter().map(|p| p.name.clone()));
        broker.sort();
        let plain = |text: &String| text.replace(&self.name, "NAME");
        End {
            tenant: tenant.map(|tenant| {
                let conditions = tenant.status.clone().unwrap_or_default().conditions;
                let said = conditions
                    .into_iter()
                    .map(|c| format!("{}={} ({})", c.type_, c.status, c.reason));
                (tenant.finalizers().to_vec(), said.collect())
            }),
            namespace: namespace.map(|namespace| {
                let own = |pair: (&String, &String)| (pair.0.clone(), plain(pair.1));
                let labels = namespace.labels().iter().map(own);
                let labels = labels.filter(|(key, _)| key != "kubernetes.io/metadata.name");
                (
                    labels.collect(),
                    namespace.annotations().iter().map(own).collect(),
                )
            }),
            secrets: secrets
                .iter()
                .map(|secret| (secret.name_any(), values(secret).into_keys().collect()))
                .collect(),
            settings: settings.unwrap_or_default(),
            keys: verifiers.len(),
            verifiers,
            broker: broker.iter().map(plain).collect(),
        }
    }
}
