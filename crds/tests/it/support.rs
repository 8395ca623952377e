//! An API server that knows our kinds.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams, ValidationDirective},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use sendry_servers::{
    Server,
    kube::{Kube, Options, ctl, wait_until_published},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Who we are to the API server where it asks for a field manager.
pub const MANAGER: &str = "sendry-crds-tests";

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Its files in a folder whose names end so, in order.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}

/// The API server that tests share, with our definitions. Nobody takes them away.
pub async fn shared() -> PathBuf {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    let install = async || {
        let kubeconfig = PathBuf::from(sendry_servers::url(Server::Kubernetes));
        install(&kubeconfig, &sendry_crds::yaml().unwrap());
        kubeconfig
    };
    INSTALLED.get_or_init(install).await.clone()
}

/// Applies definitions as `kubectl` does, and waits until objects can be made and explained.
pub fn install(kubeconfig: &Path, yaml: &str) {
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--filename",
        "-",
    ];
    ctl(kubeconfig, &apply, Some(yaml)).unwrap();
    let kinds = ["sendrytenants", "sendrypipelines"];
    wait_until_published(kubeconfig, "sendry.io/v1alpha1", &kinds).unwrap();
}

pub async fn client(kubeconfig: &Path) -> Client {
    let config = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(config, &options).await;
    Client::try_from(config.unwrap()).unwrap()
}

/// The documents of a file.
pub fn read(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// Applies an object as one that names all of it, refusing fields that there are not. `really` or not.
pub async fn apply(
    client: &Client,
    namespace: &str,
    object: &Value,
    really: bool,
) -> kube::Result<DynamicObject> {
    let parameters = PatchParams {
        dry_run: !really,
        force: true,
        field_manager: Some(MANAGER.to_owned()),
        field_validation: Some(ValidationDirective::Strict),
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    let api = api(client, namespace, object);
    api.patch(name, &parameters, &Patch::Apply(object)).await
}

/// Where an object's kind is served.
pub fn api(client: &Client, namespace: &str, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap();
    let known = GroupVersionKind::gvk("sendry.io", "v1alpha1", kind);
    let resource = ApiResource::from_gvk(&known);
    match kind {
        "SendryTenant" => Api::all_with(client.clone(), &resource),
        "SendryPipeline" => Api::namespaced_with(client.clone(), namespace, &resource),
        other => panic!("{other} is no kind of ours"),
    }
}

/// Makes a namespace, if it is not there.
pub fn namespace(kubeconfig: &Path, name: &str) {
    let yaml = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}");
    ctl(
        kubeconfig,
        &["apply", "--server-side", "--filename", "-"],
        Some(&yaml),
    )
    .unwrap();
}

/// An API server of our own with definitions and policies, as a first `kubectl apply --server-side -f crds/` leaves it.
/// Tests that run at the same time share it.
pub struct Own {
    kube: Kube,
    folder: TempDir,
}

impl Own {
    pub fn start() -> Arc<Self> {
        static RUNNING: Mutex<Weak<Own>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = running.upgrade() {
            return own;
        }
        let folder = TempDir::new().unwrap();
        let kube = Kube::start(folder.path(), &Options::default()).unwrap();
        let own = Arc::new(Self { kube, folder });
        let crds = root().join("crds");
        own.ctl(
            &[
                "apply",
                "--server-side",
                "--filename",
                crds.to_str().unwrap(),
            ],
            None,
        )
        .unwrap();
        install(&own.kubeconfig(), &sendry_crds::yaml().unwrap());
        *running = Arc::downgrade(&own);
        own
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.kube.kubeconfig()
    }

    /// `kubectl` as an administrator; what it printed, or what it said when it failed.
    pub fn ctl(&self, args: &[&str], input: Option<&str>) -> Result<String, String> {
        ctl(&self.kubeconfig(), args, input).map_err(|error| format!("{error:#}"))
    }

    /// The same as somebody else.
    pub fn ctl_as(&self, user: &str, args: &[&str], input: Option<&str>) -> Result<String, String> {
        self.ctl(&[&["--as", user], args].concat(), input)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
