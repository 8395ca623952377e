//! The API server, by `kubectl`, as a team uses it.

use std::path::{Path, PathBuf};

use sendry_servers::{
    Server,
    kube::{ctl, wait_until_published},
};
use serde_json::Value;

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub kubeconfig: PathBuf,
}

impl Cluster {
    /// The one that tests share, with our definitions and policies as the repository has them.
    pub fn shared() -> Self {
        let cluster = Self {
            kubeconfig: PathBuf::from(sendry_servers::url(Server::Kubernetes)),
        };
        let crds = repository("crds");
        let crds = crds.to_str().unwrap();
        cluster.run(&["apply", "--server-side", "--force-conflicts", "-f", crds]);
        let kinds = ["sendrytenants", "sendrypipelines"];
        wait_until_published(&cluster.kubeconfig, "sendry.io/v1alpha1", &kinds).unwrap();
        cluster
    }

    /// What it printed.
    pub fn run(&self, args: &[&str]) -> String {
        self.try_run(args, None).unwrap()
    }

    /// The same, where it may fail, with an input.
    pub fn try_run(&self, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        tokio::task::block_in_place(|| ctl(&self.kubeconfig, args, input))
    }

    /// `kubectl apply -f -`
    pub fn apply(&self, yaml: &str) {
        self.try_run(&["apply", "-f", "-"], Some(yaml)).unwrap();
    }

    /// An object, if it is there: `["secret", "web", "--namespace", "acme"]`.
    pub fn get(&self, what: &[&str]) -> Option<Value> {
        let args = [&["get"], what, &["--ignore-not-found", "--output=json"]].concat();
        let text = self.run(&args);
        (!text.trim().is_empty()).then(|| serde_json::from_str(&text).unwrap())
    }

    /// A merge patch: `["secret", "web", "--namespace", "acme"]`.
    pub fn patch(&self, what: &[&str], patch: &Value) {
        let patch = patch.to_string();
        self.run(&[&["patch"], what, &["--type=merge", "--patch", &patch]].concat());
    }
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file of `examples/`.
pub fn example(name: &str) -> String {
    std::fs::read_to_string(repository("examples").join(name)).unwrap()
}
