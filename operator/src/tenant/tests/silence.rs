//! Passes against an API server in memory: what is asked and written, to the letter, and when nothing is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use sendry_queue::{fake::FakeDepths, topology::fake::FakeBroker};
use sendry_runtime::clock::{Clock, ManualClock};
use sendry_store::{OperatorStore, adapters::sqlite::SqliteStore};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, service_fn};

use super::*;
use crate::pipeline::fleet::Followers;
use crate::{
    context::SystemEntropy,
    events::Events,
    metrics::OperatorMetrics,
    settings::Settings,
    topology::{self, Term, Topology},
};

const TENANT: &str = "/apis/sendry.io/v1alpha1/sendrytenants/acme";
const NAMESPACE: &str = "/api/v1/namespaces/team-acme";

/// Objects by path, and what was asked.
#[derive(Clone, Default)]
struct Api(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    objects: BTreeMap<String, Value>,
    asked: Vec<String>,
    /// Paths that answer 500.
    broken: Vec<String>,
}

impl Api {
    fn put(&self, path: &str, object: Value) {
        self.0
            .lock()
            .unwrap()
            .objects
            .insert(path.to_owned(), object);
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn writes(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked.filter(|line| !line.starts_with("GET")).collect()
    }

    fn answer(&self, method: &Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut inside = self.0.lock().unwrap();
        inside.asked.push(format!("{method} {path}"));
        if inside.broken.iter().any(|broken| broken == path) {
            return (StatusCode::INTERNAL_SERVER_ERROR, failure(500));
        }
        let objects = &mut inside.objects;
        let body = body.unwrap_or_default();
        match method.as_str() {
            "GET" => match objects.get(path) {
                Some(object) => (StatusCode::OK, object.clone()),
                None => (StatusCode::NOT_FOUND, failure(404)),
            },
            "POST" => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default();
                objects.insert(format!("{path}/{name}"), body.clone());
                (StatusCode::CREATED, body)
            }
            "PUT" => {
                objects.insert(path.to_owned(), body.clone());
                (StatusCode::OK, body)
            }
            _ => {
                let path = path.trim_end_matches("/status");
                let Some(object) = objects.get_mut(path) else {
                    return (StatusCode::NOT_FOUND, failure(404));
                };
                merge(object, &body);
                (StatusCode::OK, object.clone())
            }
        }
    }

    fn client(&self) -> Client {
        let api = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let (parts, body) = request.into_parts();
                let bytes = body.collect_bytes().await?;
                let body = serde_json::from_slice(&bytes).ok();
                let (status, answer) = api.answer(&parts.method, parts.uri.path(), body);
                let response = Response::builder().status(status);
                let body = Body::from(serde_json::to_vec(&answer)?);
                Ok::<_, BoxError>(response.body(body)?)
            }
        });
        Client::new(service, "default")
    }
}

fn failure(code: u16) -> Value {
    let reason = if code == 404 {
        "NotFound"
    } else {
        "InternalError"
    };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "message": "as the test says", "code": code})
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
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

struct Stage {
    api: Api,
    reconciler: TenantReconciler,
    topology: Topology,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let api = Api::default();
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("s.db"), Default::default()).unwrap();
        let clock: Arc<dyn Clock> = ManualClock::at(1_767_000_000_123);
        let how = topology::Settings {
            owner: "c1".to_owned(),
            interval: Duration::from_millis(50),
        };
        let metrics = OperatorMetrics::default();
        let broker = Arc::new(FakeBroker::new());
        let topology = Topology::new(broker, how, clock.clone(), metrics);
        let cx = Context {
            client: api.client(),
            epoch: store.claim_epoch().await.unwrap(),
            store: Arc::new(store),
            topology: topology.clone(),
            depths: Arc::new(FakeDepths::new()),
            clock,
            entropy: Arc::new(SystemEntropy),
            events: Events::recording(),
            settings: Arc::new(Settings::default()),
        };
        let tenant = tenant(json!({"apiKeys": [{"name": "app"}]}));
        api.put(TENANT, serde_json::to_value(&tenant).unwrap());
        Self {
            api,
            topology,
            reconciler: TenantReconciler {
                cx,
                others: Arc::new(Nobody),
                metrics: OperatorMetrics::default(),
                again: Arc::new(|_: &str| {}),
                pipelines: Followers::default(),
                wake: Arc::new(|_: &str| {}),
            },
            _folder: folder,
        }
    }

    async fn pass(&self) -> Result<Next, Failure> {
        let term = Term {
            holds: &|| true,
            changed: &|_| {},
        };
        tokio::select! {
            passed = self.reconciler.reconcile("acme") => passed,
            () = self.topology.run(&term, CancellationToken::new()) => unreachable!("nobody stops it"),
        }
    }

    fn told(&self) -> Vec<String> {
        let told = self.reconciler.cx.events.told();
        told.into_iter().map(|told| told.reason).collect()
    }
}

#[tokio::test]
async fn a_new_tenant_to_the_letter_and_then_silence() {
    let stage = Stage::new().await;
    stage.pass().await.unwrap();
    let secret = "/api/v1/namespaces/team-acme/secrets";
    let asked = stage.api.asked();
    let (reader, asked): (Vec<_>, Vec<_>) = asked
        .into_iter()
        .partition(|line| line.contains("/sendry-system/"));
    assert_eq!(
        asked
            .iter()
            .filter(|line| !line.starts_with("GET"))
            .collect::<Vec<_>>(),
        [
            &format!("PATCH {TENANT}"),
            "POST /api/v1/namespaces",
            &format!("POST {secret}"),
            &format!("PUT {secret}/app"),
            &format!("PATCH {TENANT}/status"),
        ]
    );
    assert_eq!(reader.len(), 2, "{reader:?}");
    let told = stage.told();
    assert_eq!(
        told.iter().filter(|reason| *reason == "Ready").count(),
        1,
        "{told:?}"
    );

    for _ in 0..3 {
        assert_eq!(stage.pass().await.unwrap(), Next::AtRest);
        let asked = stage.api.asked();
        assert!(
            asked.iter().all(|line| line.starts_with("GET")),
            "{asked:?}"
        );
        assert!(asked.len() <= 5, "{asked:?}");
    }
    assert_eq!(stage.told(), told);
}

#[tokio::test]
async fn a_tenant_that_is_gone_is_one_question() {
    let stage = Stage::new().await;
    stage.api.0.lock().unwrap().objects.clear();
    stage.pass().await.unwrap();
    assert_eq!(stage.api.asked(), [format!("GET {TENANT}")]);
}

#[tokio::test]
async fn what_cannot_be_read_leads_to_no_write_but_the_word_that_it_cannot() {
    let stage = Stage::new().await;
    stage.pass().await.unwrap();
    stage.api.asked();
    stage
        .api
        .0
        .lock()
        .unwrap()
        .broken
        .push(NAMESPACE.to_owned());
    for pass in 0..3 {
        let failure = stage.pass().await.unwrap_err();
        assert_eq!(failure.category, Category::Kubernetes);
        let wanted = if pass == 0 {
            vec![format!("PATCH {TENANT}/status")]
        } else {
            Vec::new()
        };
        assert_eq!(stage.api.writes(), wanted);
    }
    assert!(stage.told().contains(&"ApiServerUnavailable".to_owned()));
}

#[tokio::test]
async fn a_namespace_of_somebody_else_is_not_written_into() {
    let stage = Stage::new().await;
    stage
        .api
        .put(NAMESPACE, serde_json::to_value(labelled(None)).unwrap());
    stage.pass().await.unwrap();
    assert_eq!(
        stage.api.writes(),
        [format!("PATCH {TENANT}"), format!("PATCH {TENANT}/status")]
    );
    stage.pass().await.unwrap();
    assert!(stage.api.writes().is_empty());
}

#[tokio::test]
async fn a_key_is_revoked_also_while_the_namespace_is_not_to_be_had() {
    let stage = Stage::new().await;
    stage.pass().await.unwrap();
    // Somebody took the label away, and the key is found to have leaked.
    stage
        .api
        .put(NAMESPACE, serde_json::to_value(labelled(None)).unwrap());
    let leaked = tenant(json!({"suspend": true, "apiKeys": [{"name": "app", "revoked": true}]}));
    let mut leaked = serde_json::to_value(&leaked).unwrap();
    leaked["metadata"]["finalizers"] = json!([names::TENANT_FINALIZER]);
    leaked["metadata"]["generation"] = json!(4);
    stage.api.put(TENANT, leaked);
    stage.api.asked();
    stage.pass().await.unwrap();
    assert_eq!(stage.api.writes(), [format!("PATCH {TENANT}/status")]);
    let settings = stage.reconciler.cx.store.snapshot().await.unwrap();
    assert!(settings.tenants[0].suspended);
    assert_eq!(settings.keys.len(), 1);
    assert!(settings.keys[0].revoked_at.is_some());
}

#[tokio::test]
async fn a_secret_that_cannot_be_written_holds_up_neither_settings_nor_the_broker() {
    let stage = Stage::new().await;
    let secrets = "/api/v1/namespaces/team-acme/secrets";
    stage.api.0.lock().unwrap().broken.push(secrets.to_owned());
    let failure = stage.pass().await.unwrap_err();
    assert_eq!(failure.category, Category::Kubernetes);
    let status = stage.api.0.lock().unwrap().objects[TENANT]["status"].clone();
    let status: SendryTenantStatus = serde_json::from_value(status).unwrap();
    let of = |kind| sendry_crds::condition::find(&status.conditions, kind).cloned();
    assert_eq!(of("TopologySynced").unwrap().status, "True");
    assert_eq!(of("Ready").unwrap().reason, "ApiServerUnavailable");
    let settings = stage.reconciler.cx.store.snapshot().await.unwrap();
    assert_eq!(settings.tenants.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_revoked_is_told_of_once() {
    let stage = Stage::new().await;
    stage.pass().await.unwrap();
    let mut found = stage.api.0.lock().unwrap().objects[TENANT].clone();
    found["spec"]["apiKeys"][0]["revoked"] = json!(true);
    found["metadata"]["generation"] = json!(4);
    stage.api.put(TENANT, found);
    for _ in 0..2 {
        stage.pass().await.unwrap();
        let told = stage.told();
        let revoked = told.iter().filter(|reason| *reason == "KeyRevoked");
        assert_eq!(revoked.count(), 1, "{told:?}");
    }
}
