//! Tenants on a cluster of our own, made and deleted by `kubectl` as people do.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::ensure;
use sendry_operator::settings::WATCH_FILTER_LABEL;
use sendry_servers::kube::{ctl, wait_until_published};
use serde_json::{Value, json};

/// The cluster, by its administrator's file.
#[derive(Clone)]
pub struct Cluster(pub PathBuf);

impl Cluster {
    /// Our definitions, and the operator's namespace.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        self.apply(sendry_crds::yaml()?).await?;
        let file = self.0.clone();
        let kinds = ["sendrytenants", "sendrypipelines"];
        let wait = move || wait_until_published(&file, "sendry.io/v1alpha1", &kinds);
        tokio::task::spawn_blocking(wait).await??;
        self.kubectl(&["create", "namespace", "sendry-system"], None)
            .await
            .map(drop)
    }

    /// Makes tenants that `filter` selects, each with an API key that is rotated every month.
    pub async fn make(&self, filter: &str, names: &[String]) -> anyhow::Result<()> {
        let tenant = |name: &String| -> Value {
            json!({
                "apiVersion": "sendry.io/v1alpha1",
                "kind": "SendryTenant",
                "metadata": {"name": name, "labels": {WATCH_FILTER_LABEL: filter}},
                "spec": {
                    "namespace": name,
                    "limits": {"eventsPerSecond": 1_000},
                    "apiKeys": [{"name": "app", "services": ["shop"], "rotation": {"interval": "720h"}}],
                },
            })
        };
        let items: Vec<Value> = names.iter().map(tenant).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl(&["create", "-f", "-"], Some(list.to_string()))
            .await
            .map(drop)
    }

    /// Deletes tenants and their namespaces at once. How long it took until the tenants were gone, and until all was.
    pub async fn delete(
        &self,
        names: &[String],
        within: Duration,
    ) -> anyhow::Result<(Duration, Duration)> {
        let began = Instant::now();
        let delete = |kind: &'static str| {
            let mut args = vec!["delete", kind, "--wait=false"];
            args.extend(names.iter().map(String::as_str));
            self.owned(args)
        };
        tokio::try_join!(delete("stn"), delete("namespace"))?;
        let mut tenants = None;
        loop {
            let left = self.left("stn", names).await?;
            if left.is_empty() {
                tenants.get_or_insert(began.elapsed());
            }
            let namespaces = self.left("namespace", names).await?;
            if let (Some(tenants), true) = (tenants, namespaces.is_empty()) {
                return Ok((tenants, began.elapsed()));
            }
            ensure!(
                began.elapsed() < within,
                "{left:?} and namespaces {namespaces:?} are still there after {within:?}"
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Tenants of a filter whose newest spec is said to be Ready.
    pub async fn ready(&self, filter: &str) -> anyhow::Result<usize> {
        let selector = format!("--selector={WATCH_FILTER_LABEL}={filter}");
        let list = self
            .kubectl(&["get", "stn", &selector, "-o", "json"], None)
            .await?;
        let list: Value = serde_json::from_str(&list)?;
        let is_ready = |tenant: &&Value| {
            let conditions = tenant["status"]["conditions"].as_array();
            conditions.is_some_and(|all| {
                all.iter().any(|c| {
                    c["type"] == "Ready"
                        && c["status"] == "True"
                        && c["observedGeneration"] == tenant["metadata"]["generation"]
                })
            })
        };
        let items = list["items"].as_array();
        Ok(items.map_or(0, |items| items.iter().filter(is_ready).count()))
    }

    async fn left(&self, kind: &'static str, names: &[String]) -> anyhow::Result<Vec<String>> {
        let there = self.kubectl(&["get", kind, "-o", "name"], None).await?;
        let names_there = there.lines().filter_map(|line| line.rsplit_once('/'));
        let left = names_there.map(|(_, name)| name.to_owned());
        Ok(left.filter(|name| names.contains(name)).collect())
    }

    async fn apply(&self, yaml: String) -> anyhow::Result<()> {
        let args = ["apply", "--server-side", "-f", "-"];
        self.kubectl(&args, Some(yaml)).await.map(drop)
    }

    async fn owned(&self, args: Vec<&str>) -> anyhow::Result<String> {
        self.kubectl(&args, None).await
    }

    pub(super) async fn kubectl(
        &self,
        args: &[&str],
        input: Option<String>,
    ) -> anyhow::Result<String> {
        let kubeconfig = self.0.clone();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            ctl(&kubeconfig, &args, input.as_deref())
        })
        .await?
    }
}
