//! A tenant with its pipeline, as its team and the one that runs the platform see them.

use anyhow::{Context, bail, ensure};
use sendry_servers::node::Node;
use serde_json::{Value, json};

use crate::{
    kubernetes::{PATIENCE, condition, ctl, get, list, secret, until},
    stage::SYSTEM,
};

/// The pipeline `default` of a tenant whose namespace has its name.
pub struct Pipeline<'a> {
    pub node: &'a Node,
    pub tenant: String,
}

/// Its workers: asked for, there, ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    pub wanted: u64,
    pub there: u64,
    /// Of the newest kind.
    pub updated: u64,
    pub ready: u64,
}

impl<'a> Pipeline<'a> {
    pub fn of(node: &'a Node, tenant: &str) -> Self {
        Self {
            node,
            tenant: tenant.to_owned(),
        }
    }

    /// A tenant without limits to speak of and a pipeline of its own, which takes all of its events.
    pub fn manifest(tenant: &str, spec: &Value) -> String {
        let objects = [
            json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": tenant, "labels": {"sendry.io/tenant": tenant}},
            }),
            json!({
                "apiVersion": "sendry.io/v1alpha1",
                "kind": "SendryTenant",
                "metadata": {"name": tenant},
                "spec": {
                    "namespace": tenant,
                    "limits": {"eventsPerSecond": 50000, "burst": 100_000},
                    "apiKeys": [{"name": "web"}],
                },
            }),
            json!({
                "apiVersion": "sendry.io/v1alpha1",
                "kind": "SendryPipeline",
                "metadata": {"name": "default", "namespace": tenant},
                "spec": spec,
            }),
        ];
        objects.map(|object| object.to_string()).join("\n---\n")
    }

    pub fn object(&self) -> anyhow::Result<Value> {
        get(self.node, &["spl", "default", "--namespace", &self.tenant])
    }

    /// Waits until tenant and pipeline say `Ready`; the key of the tenant's Secret.
    pub async fn ready(&self) -> anyhow::Result<String> {
        until(PATIENCE, "tenant and pipeline to be Ready", async || {
            let tenant = get(self.node, &["stn", &self.tenant])?;
            for object in [tenant, self.object()?] {
                let (status, why) = condition(&object, "Ready");
                let now =
                    object["status"]["observedGeneration"] == object["metadata"]["generation"];
                ensure!(
                    status == "True" && now,
                    "{}: Ready={status} {why}",
                    object["kind"]
                );
            }
            Ok(())
        })
        .await?;
        secret(self.node, &self.tenant, "web", "api-key")
    }

    /// A merge patch of its spec.
    pub fn patch(&self, spec: &Value) -> anyhow::Result<()> {
        let patch = json!({ "spec": spec }).to_string();
        let what = ["patch", "spl", "default", "--namespace", &self.tenant];
        ctl(
            self.node,
            &[&what[..], &["--type=merge", "--patch", &patch]].concat(),
        )
        .map(drop)
    }

    /// Mode `Fixed`: as many workers as said.
    pub fn fix(&self, workers: u32) -> anyhow::Result<()> {
        self.patch(&json!({"scaling": {"mode": "Fixed", "min": workers, "max": workers}}))
    }

    /// The labels of its workers.
    pub fn selector(&self) -> String {
        let tenant = &self.tenant;
        format!(
            "app.kubernetes.io/name=sendry-worker,sendry.io/tenant={tenant},sendry.io/pipeline=default"
        )
    }

    pub fn workers(&self) -> anyhow::Result<Workers> {
        let by = self.selector();
        let what = ["deployments", "--namespace", SYSTEM, "--selector", &by];
        let found = list(self.node, &what)?;
        ensure!(
            found.len() == 1,
            "{} Deployments of {}",
            found.len(),
            self.tenant
        );
        let number = |path: &str| found[0].pointer(path).and_then(Value::as_u64).unwrap_or(0);
        Ok(Workers {
            wanted: number("/spec/replicas"),
            there: number("/status/replicas"),
            updated: number("/status/updatedReplicas"),
            ready: number("/status/readyReplicas"),
        })
    }

    /// Names of its workers' pods, those that are leaving as well.
    pub fn pods(&self) -> anyhow::Result<Vec<String>> {
        let by = self.selector();
        let pods = list(
            self.node,
            &["pods", "--namespace", SYSTEM, "--selector", &by],
        )?;
        let name = |pod: &Value| pod["metadata"]["name"].as_str().map(str::to_owned);
        pods.iter()
            .map(|pod| name(pod).context("a pod without a name"))
            .collect()
    }

    /// Waits until there are exactly so many, ready, and those that had to go are gone.
    pub async fn settled(&self, count: u64) -> anyhow::Result<()> {
        let what = format!("{count} workers of {}", self.tenant);
        self.all_are(&what, |wanted| wanted == count).await
    }

    /// The same of however many there are to be.
    pub async fn rolled(&self) -> anyhow::Result<()> {
        let what = format!("new workers of {}", self.tenant);
        self.all_are(&what, |wanted| wanted > 0).await
    }

    async fn all_are(&self, what: &str, right: impl Fn(u64) -> bool) -> anyhow::Result<()> {
        until(PATIENCE, what, async || {
            let (workers, pods) = (self.workers()?, self.pods()?.len() as u64);
            let Workers {
                wanted,
                there,
                updated,
                ready,
            } = workers;
            let settled = [there, updated, ready, pods] == [wanted; 4] && right(wanted);
            ensure!(settled, "{workers:?}, {pods} pods");
            Ok(())
        })
        .await
    }

    /// What `kubectl get spl` shows of it: `Desired 5, Replicas 3, …`.
    pub fn columns(&self) -> anyhow::Result<String> {
        let what = ["get", "spl", "default", "--namespace", &self.tenant];
        let table = ctl(self.node, &what)?;
        let mut lines = table.lines();
        let (Some(head), Some(line)) = (lines.next(), lines.next()) else {
            bail!("kubectl get spl shows nothing of {}", self.tenant);
        };
        let shown = head.split_whitespace().filter_map(|name| {
            let at = head.find(name)?;
            // A column that is empty has only blanks until the next one.
            let cell = line.get(at..)?;
            let cell = cell
                .split_whitespace()
                .next()
                .filter(|_| !cell.starts_with(' '))?;
            (!["NAME", "AGE"].contains(&name)).then(|| format!("{} {cell}", name.to_lowercase()))
        });
        Ok(shown.collect::<Vec<_>>().join(", "))
    }
}
