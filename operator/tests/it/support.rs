//! A corner of a cluster for one test, and waiting for what happens there.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::Namespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, CustomResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::DynamicObject,
};
use sendry_crds::{SendryPipeline, SendryTenant};
use sendry_operator::{
    context::SystemEntropy,
    leader::Timing,
    metrics::OperatorMetrics,
    run::{Assemble, Parts},
    settings::{Settings, WATCH_FILTER_LABEL},
    topology::{self, Topology},
};
use sendry_queue::{
    fake::FakeDepths,
    topology::{TopologyBroker, fake::FakeBroker},
};
use sendry_runtime::{clock::SystemClock, health::Health};
use sendry_servers::{Server, kube::ctl};
use sendry_store::adapters::sqlite::SqliteStore;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a test waits for what it wants to see.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Terms that a busy machine does not lose.
const STEADY: Timing = Timing {
    duration: Duration::from_secs(15),
    renew: Duration::from_secs(1),
    give_up: Duration::from_secs(10),
};

/// Terms whose end a test can wait for.
pub const SHORT: Timing = Timing {
    duration: Duration::from_secs(6),
    renew: Duration::from_millis(300),
    give_up: Duration::from_secs(5),
};

/// Waits for something and says what was seen instead.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < until, "waited for {what}: {seen}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// `Ok` when it is so.
pub fn is(so: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    so.then_some(()).ok_or_else(|| format!("{seen:?}"))
}

/// A corner of a cluster: a namespace for operators, and tenants that only they care for. Dropped, it is cleared.
pub struct Corner {
    pub kubeconfig: PathBuf,
    pub client: Client,
    /// Of the namespace, the watch filter, and the end of every tenant's name.
    pub name: String,
    /// Of operators; `name` unless a test says otherwise.
    pub operators: String,
    folder: tempfile::TempDir,
}

impl Corner {
    /// On the cluster that tests share, with our definitions.
    pub async fn shared() -> Self {
        let kubeconfig = PathBuf::from(sendry_servers::url(Server::Kubernetes));
        let corner = Self::on(&kubeconfig).await;
        corner.apply(&sendry_crds::yaml().unwrap());
        corner.established().await;
        corner
    }

    /// On a cluster as it is.
    pub async fn on(kubeconfig: &Path) -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        let corner = Self {
            kubeconfig: kubeconfig.to_owned(),
            client: client(kubeconfig).await,
            name: format!("it-{}", &unique[..8]),
            operators: format!("it-{}", &unique[..8]),
            folder: tempfile::tempdir().unwrap(),
        };
        let namespace = json!({"metadata": {"name": corner.name}});
        let namespace: Namespace = serde_json::from_value(namespace).unwrap();
        let api: Api<Namespace> = Api::all(corner.client.clone());
        api.create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        corner
    }

    /// `kubectl apply`, as the API server lets several do at once.
    pub fn apply(&self, yaml: &str) {
        let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        ctl(&self.kubeconfig, &args, Some(yaml)).unwrap();
    }

    /// Waits until tenants can be made, and pipelines where they are defined.
    pub async fn established(&self) {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        eventually("the definition to be established", async || {
            let crd = api
                .get(SendryTenant::crd_name())
                .await
                .map_err(|error| error.to_string())?;
            let conditions = crd
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let established = conditions
                .iter()
                .any(|c| c.type_ == "Established" && c.status == "True");
            is(
                established && crd.metadata.deletion_timestamp.is_none(),
                &conditions,
            )
        })
        .await;
        // It is said a moment before any object is served.
        for (name, resource) in [
            (SendryTenant::crd_name(), SendryTenant::api_resource()),
            (SendryPipeline::crd_name(), SendryPipeline::api_resource()),
        ] {
            if api.get_opt(name).await.unwrap().is_none() {
                continue;
            }
            let objects: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
            eventually(&format!("{name} to be served"), async || {
                let served = objects.list_metadata(&ListParams::default().limit(1)).await;
                served.map(drop).map_err(|error| error.to_string())
            })
            .await;
        }
    }

    /// The name of a tenant of this corner.
    pub fn tenant_name(&self, short: &str) -> String {
        format!("{short}-{}", self.name)
    }

    pub fn tenants(&self) -> Api<SendryTenant> {
        Api::all(self.client.clone())
    }

    /// Makes a tenant of this corner, and returns its name.
    pub async fn tenant(&self, short: &str) -> String {
        let name = self.tenant_name(short);
        self.object(&name, json!({"namespace": name})).await;
        name
    }

    /// Makes an object of the tenants' kind with any spec.
    pub async fn object(&self, name: &str, spec: Value) {
        let resource = SendryTenant::api_resource();
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let object = json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryTenant",
            "metadata": {"name": name, "labels": {WATCH_FILTER_LABEL: self.name}},
            "spec": spec,
        });
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    /// Changes a tenant by a merge patch.
    pub async fn change(&self, name: &str, patch: Value) {
        let params = PatchParams::default();
        self.tenants()
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Settings of an operator of this corner. Each call is another process.
    pub fn settings(&self) -> Settings {
        let unique = Uuid::new_v4().simple().to_string();
        Settings {
            namespace: self.operators.clone(),
            identity: format!("operator-{}", &unique[..8]),
            watch_filter: Some(self.name.clone()),
            lease: STEADY,
            ..Settings::default()
        }
        .checked()
        .unwrap()
    }

    /// A new store of settings.
    pub fn store(&self) -> Arc<SqliteStore> {
        let file = self
            .folder
            .path()
            .join(format!("{}.db", Uuid::new_v4().simple()));
        Arc::new(SqliteStore::open(&file, Default::default()).unwrap())
    }

    /// What an operator is made of, with a store of its own.
    pub fn parts(&self, client: Client, assemble: Assemble) -> Parts {
        Parts {
            client,
            store: self.store(),
            topology: topology(Arc::new(FakeBroker::new())),
            depths: Arc::new(FakeDepths::new()),
            clock: SystemClock::shared(),
            entropy: Arc::new(SystemEntropy),
            assemble,
            metrics: OperatorMetrics::default(),
            health: Health::new(),
        }
    }
}

/// Also when the test failed. What is protected or still has a finalizer goes by force.
impl Drop for Corner {
    fn drop(&mut self) {
        let kubectl = |args: &[&str]| ctl(&self.kubeconfig, args, None).unwrap_or_default();
        let filter = format!("{WATCH_FILTER_LABEL}={}", self.name);
        kubectl(&[
            "delete",
            "stn",
            "-l",
            &filter,
            "--wait=false",
            "--ignore-not-found",
        ]);
        for tenant in kubectl(&["get", "stn", "-l", &filter, "-o", "name"]).lines() {
            let no_finalizers = r#"{"metadata":{"finalizers":null}}"#;
            kubectl(&["patch", tenant, "--type=merge", "-p", no_finalizers]);
        }
        // Ours, and those that were made for its tenants.
        let all = kubectl(&["get", "namespaces", "-o", "name"]);
        let ours = all.lines().filter(|line| line.ends_with(&self.name));
        for namespace in ours.clone() {
            let namespace = namespace.trim_start_matches("namespace/");
            for pipeline in kubectl(&["get", "spl", "-n", namespace, "-o", "name"]).lines() {
                let no_finalizers = r#"{"metadata":{"finalizers":null}}"#;
                kubectl(&[
                    "patch",
                    pipeline,
                    "-n",
                    namespace,
                    "--type=merge",
                    "-p",
                    no_finalizers,
                ]);
            }
        }
        let mut delete = vec!["delete", "--wait=false", "--ignore-not-found"];
        delete.extend(ours);
        kubectl(&delete);
    }
}

/// What looks after a broker.
pub fn topology(broker: Arc<dyn TopologyBroker>) -> Topology {
    let settings = topology::Settings {
        owner: "it".to_owned(),
        interval: Duration::from_secs(1),
    };
    Topology::new(
        broker,
        settings,
        SystemClock::shared(),
        OperatorMetrics::default(),
    )
}

/// A client as the operator has one: it repeats nothing by itself.
pub async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    let mut config = config.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// Our definition without its schema, so that tenants can be made that nobody can read.
pub fn lax_definition() -> String {
    let mut crd = serde_json::to_value(SendryTenant::crd()).unwrap();
    let version = &mut crd["spec"]["versions"][0];
    version["schema"] = json!({
        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    });
    version.as_object_mut().unwrap().remove("selectableFields");
    crd.to_string()
}
