//! An operator that does its work, in a corner of the cluster, with a store and a broker that a test can look into.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, ResourceExt, api::Patch, api::PatchParams};
use sendry_crds::{
    SendryTenant, SendryTenantStatus,
    condition::{REASONS, find},
};
use sendry_domain::api_key::ApiKey;
use sendry_operator::{
    assemble,
    metrics::OperatorMetrics,
    run::{Operator, Parts, Running},
    settings::{Settings, WATCH_FILTER_LABEL},
};
use sendry_queue::{fake::FakeDepths, topology::fake::FakeBroker};
use sendry_runtime::metrics::{Metrics, MetricsBuilder};
use sendry_store::{ControlStore, KeyRecord, TenantRecord, adapters::sqlite::SqliteStore};
use serde_json::{Value, json};

use crate::support::{Corner, eventually, is, topology};

pub struct Stage {
    pub corner: Corner,
    pub store: Arc<SqliteStore>,
    pub broker: Arc<FakeBroker>,
    pub depths: Arc<FakeDepths>,
    metrics: Metrics,
    parts: Parts,
    running: Option<Running>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::on(Corner::shared().await)
    }

    pub fn on(corner: Corner) -> Self {
        let client = corner.client.clone();
        Self::acting_as(corner, client)
    }

    /// The operator has another client than the test.
    pub fn acting_as(corner: Corner, client: kube::Client) -> Self {
        let broker = Arc::new(FakeBroker::new());
        let mut metrics = MetricsBuilder::new();
        let counters = OperatorMetrics::register(metrics.registry());
        let store = corner.store();
        let depths = Arc::new(FakeDepths::new());
        let parts = Parts {
            store: store.clone(),
            topology: topology(broker.clone()),
            depths: depths.clone(),
            metrics: counters,
            ..corner.parts(client, assemble::assemble())
        };
        let mut stage = Self {
            corner,
            store,
            broker,
            depths,
            metrics: metrics.build(),
            parts,
            running: None,
        };
        stage.start();
        stage
    }

    /// Another operator in the place of the one that was stopped.
    pub fn start(&mut self) {
        self.start_with(self.corner.settings());
    }

    /// The same with other settings.
    pub fn start_with(&mut self, settings: Settings) {
        let topology = topology(self.broker.clone());
        let parts = Parts {
            topology,
            ..self.parts.clone()
        };
        self.running = Some(Operator::start(parts, settings));
    }

    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Applies a tenant, and returns its name.
    pub async fn apply(&self, short: &str, spec: Value) -> String {
        let name = self.corner.tenant_name(short);
        let mut whole = json!({"namespace": name});
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let object = json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryTenant",
            "metadata": {"name": name, "labels": {WATCH_FILTER_LABEL: self.corner.name}},
            "spec": whole,
        });
        let params = PatchParams::apply("a-person").force();
        let (tenants, patch) = (self.corner.tenants(), Patch::Apply(&object));
        tenants.patch(&name, &params, &patch).await.unwrap();
        name
    }

    pub async fn get(&self, name: &str) -> SendryTenant {
        self.corner.tenants().get(name).await.unwrap()
    }

    /// Waits until the tenant is as its newest spec says.
    pub async fn ready(&self, name: &str) -> SendryTenant {
        self.says(name, "Ready", "True", None).await
    }

    /// Waits until a condition of the newest spec says so.
    pub async fn says(
        &self,
        name: &str,
        kind: &str,
        status: &str,
        reason: Option<&str>,
    ) -> SendryTenant {
        let what = format!("{name} to say {kind}={status} {reason:?}");
        eventually(&what, async || {
            let tenant = self
                .corner
                .tenants()
                .get(name)
                .await
                .map_err(|e| e.to_string())?;
            let said = tenant.status.clone().unwrap_or_default();
            explained(&said);
            let condition = find(&said.conditions, kind).cloned();
            let so = condition.as_ref().is_some_and(|c| {
                c.status == status
                    && reason.is_none_or(|reason| c.reason == reason)
                    && c.observed_generation == tenant.metadata.generation
            });
            is(so, &said).map(|()| tenant)
        })
        .await
    }

    pub fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.corner.client.clone(), namespace)
    }

    pub fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.corner.client.clone())
    }

    pub async fn secret(&self, namespace: &str, name: &str) -> Secret {
        self.secrets(namespace).get(name).await.unwrap()
    }

    /// The key that a Secret publishes.
    pub async fn key(&self, namespace: &str, name: &str) -> ApiKey {
        let secret = self.secret(namespace, name).await;
        ApiKey::parse(&values(&secret)["api-key"]).unwrap()
    }

    /// What ingest knows of a key.
    pub async fn verifier(&self, key: &ApiKey) -> KeyRecord {
        let snapshot = self.store.snapshot().await.unwrap();
        let record = snapshot
            .keys
            .into_iter()
            .find(|record| record.id == *key.id());
        let record = record.expect("ingest does not know a key that a Secret publishes");
        assert!(record.hash.matches(&key.hash()));
        record
    }

    pub async fn record(&self, name: &str) -> TenantRecord {
        let snapshot = self.store.snapshot().await.unwrap();
        let record = snapshot
            .tenants
            .into_iter()
            .find(|record| record.id.as_str() == name);
        record.expect("ingest does not know the tenant")
    }

    /// Reasons of the Events about an object, as often as they were told.
    pub async fn events(&self, name: &str) -> BTreeMap<String, u64> {
        self.events_in("default", name).await
    }

    /// The same of an object that has a namespace.
    pub async fn events_in(&self, namespace: &str, name: &str) -> BTreeMap<String, u64> {
        let api: Api<k8s_openapi::api::events::v1::Event> =
            Api::namespaced(self.corner.client.clone(), namespace);
        let all = api.list(&Default::default()).await.unwrap();
        let mut reasons = BTreeMap::new();
        for event in all {
            let about = event.regarding.and_then(|about| about.name);
            if about.as_deref() == Some(name) {
                *reasons.entry(event.reason.unwrap_or_default()).or_default() += 1;
            }
        }
        reasons
    }

    /// Writes that passed the gate so far, by verb and resource.
    pub fn writes(&self) -> Vec<String> {
        let text = self.metrics.encode().unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("sendry_operator_writes_total"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Passes that ended so far.
    pub fn passes(&self) -> u64 {
        self.sum("sendry_operator_reconcile_seconds_count")
    }

    /// Over all labels of a metric.
    pub fn sum(&self, metric: &str) -> u64 {
        let text = self.metrics.encode().unwrap();
        let of = text.lines().filter_map(|line| line.strip_prefix(metric));
        let values = of.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<u64>().ok());
        values.sum()
    }
}

/// Every reason that is given stands in the reference.
fn explained(status: &SendryTenantStatus) {
    let conditions = status.conditions.iter().map(|c| &c.reason);
    let entries = status
        .api_keys
        .iter()
        .filter_map(|entry| entry.reason.as_ref());
    known(conditions.chain(entries));
}

/// Every one of these reasons stands in the reference.
pub fn known<'a>(reasons: impl Iterator<Item = &'a String>) {
    for reason in reasons {
        let known = REASONS.iter().any(|known| known.name == reason);
        assert!(known, "{reason} is not in sendry_crds::condition::REASONS");
    }
}

/// The values of a Secret as text.
pub fn values(secret: &Secret) -> BTreeMap<String, String> {
    let data = secret.data.clone().unwrap_or_default();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    data.into_iter()
        .map(|(key, value)| (key, text(value.0)))
        .collect()
}

/// The states of an entry's keys, as the status says, newest first.
pub fn states(tenant: &SendryTenant, entry: &str) -> Vec<String> {
    let status = tenant.status.clone().unwrap_or_default();
    let found = status.api_keys.iter().find(|e| e.name == entry);
    let found = found.unwrap_or_else(|| panic!("{} says nothing of {entry}", tenant.name_any()));
    found
        .keys
        .iter()
        .map(|key| format!("{:?}", key.state))
        .collect()
}
