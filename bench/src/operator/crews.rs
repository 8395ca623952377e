//! The workers of a thousand pipelines, without a pod: what a Deployment asks for is said to be there at once, and each
//! worker says every 2 s what it did, in one statement for all of them.

use std::time::Duration;

use anyhow::Context;
use sendry_servers::postgres::Postgres;
use serde_json::{Value, json};

use super::cluster::Cluster;

/// Where the operator keeps its workers.
const NAMESPACE: &str = "sendry-system";

/// Whose they are, and where they say what they did.
pub struct Crews<'a> {
    pub cluster: &'a Cluster,
    pub postgres: &'a Postgres,
    pub database: &'a str,
}

impl Crews<'_> {
    /// Does `work` while they work.
    pub async fn beside<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let beats = async {
            let mut every =
                tokio::time::interval(Duration::from_millis(sendry_domain::beat::EVERY));
            loop {
                every.tick().await;
                if let Err(error) = self.beat().await {
                    return error;
                }
            }
        };
        tokio::select! {
            done = work => done,
            error = beats => Err(error),
        }
    }

    async fn beat(&self) -> anyhow::Result<()> {
        let get = ["get", "deployments", "--namespace", NAMESPACE, "-o", "json"];
        let mut all: Value = serde_json::from_str(&self.cluster.kubectl(&get, None).await?)?;
        let all = all["items"].as_array_mut().context("no list")?;
        let (mut crews, mut changed) = (Vec::with_capacity(all.len()), Vec::new());
        for mut deployment in all.drain(..) {
            let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
            let labels = &deployment["metadata"]["labels"];
            crews.push(json!({
                "tenant": labels["sendry.io/tenant"],
                "pipeline": labels["sendry.io/pipeline"],
                "workers": wanted,
            }));
            if deployment["status"]["readyReplicas"].as_u64().unwrap_or(0) != wanted {
                deployment["status"] = json!({
                    "observedGeneration": deployment["metadata"]["generation"],
                    "replicas": wanted, "updatedReplicas": wanted,
                    "readyReplicas": wanted, "availableReplicas": wanted,
                });
                changed.push(deployment);
            }
        }
        if !changed.is_empty() {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": changed});
            let replace = ["replace", "--subresource=status", "-f", "-"];
            // One that the operator wrote meanwhile is refused, and is there the next time.
            let _ = self.cluster.kubectl(&replace, Some(list.to_string())).await;
        }
        tokio::task::block_in_place(|| self.tell(&Value::Array(crews)))
    }

    /// 400 events in 40 messages in the last 2 s, a quarter busy: 1,600 a second each, if they were.
    fn tell(&self, crews: &Value) -> anyhow::Result<()> {
        let sql = format!(
            "INSERT INTO process AS p (instance, role, sequence, at, queues)
             SELECT md5(crew.tenant || '/' || crew.pipeline || '/' || n)::uuid, 'worker', 1, 0,
                    json_build_array(json_build_object(
                        'tenant', crew.tenant, 'pipeline', crew.pipeline,
                        'consumers', 4, 'inFlight', 2, 'messages', 0, 'events', 0, 'busyUs', 0))::text
             FROM json_to_recordset('{crews}') AS crew(tenant text, pipeline text, workers int),
                  generate_series(1, crew.workers) AS n
             ON CONFLICT (instance) DO UPDATE SET sequence = p.sequence + 1,
                 queues = json_build_array((p.queues::jsonb -> 0) || jsonb_build_object(
                     'messages', p.sequence * 40, 'events', p.sequence * 400, 'busyUs', p.sequence * 2000000))::text"
        );
        self.postgres.query(self.database, &sql).map(drop)
    }
}
