//! Workers that come and go under load: nothing is lost, nothing counted twice, nothing given back.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use super::Tenant;
use crate::{
    kubernetes::{PATIENCE, apply, until},
    page::{Told, told},
    pipeline::Pipeline,
    stage::{SYSTEM, Stage},
    traffic::Traffic,
};

/// Enough that every worker always holds something.
const CLIENTS: u64 = 4;
const PAUSE: Duration = Duration::from_millis(10);

/// A worker's spec that lets ten of them stand beside each other on two cores. More than one consumer in a tenth of a core
/// would only wait for each other.
pub fn small() -> serde_json::Value {
    json!({"concurrency": 1, "resources": {"cpu": "100m", "memory": "128Mi"}})
}

pub async fn begin(stage: &Stage) -> anyhow::Result<Told<Tenant<'_>>> {
    let fixed = json!({"mode": "Fixed", "min": 5, "max": 5});
    let spec = json!({"worker": small(), "scaling": fixed});
    apply(&stage.node, &Pipeline::manifest("steady", &spec))?;
    let pipeline = Pipeline::of(&stage.node, "steady");
    let key = pipeline.ready().await?;
    pipeline.settled(5).await?;
    let traffic = Traffic::of(stage, "steady", key)?;
    let seen = pipeline.columns()?;
    Ok(Told(Tenant { pipeline, traffic }, seen))
}

/// Something happens while traffic flows; then every event is judged, and no message was delivered twice.
pub async fn under_load(
    tenant: &mut Tenant<'_>,
    act: impl AsyncFnOnce(&Pipeline<'_>) -> anyhow::Result<String>,
) -> anyhow::Result<Told<()>> {
    let flowing = tenant.traffic.begin(CLIENTS, PAUSE)?;
    let acted = act(&tenant.pipeline).await;
    let (took, confirmed) = (flowing.since(), tenant.traffic.end(flowing).await?);
    let seen = acted?;
    let verdict = tenant.traffic.judge().await?;
    let redelivered = tenant.traffic.stage.redelivered().await?;
    ensure!(
        redelivered == 0,
        "{redelivered} messages were delivered again ({seen})"
    );
    Ok(told(format!(
        "{seen}; {confirmed} events in {:.0} s: lost {}, duplicated {}, redelivered {redelivered}",
        took.as_secs_f64(),
        verdict.lost,
        verdict.duplicated,
    )))
}

pub async fn round(tenant: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    under_load(tenant, async |pipeline| {
        pipeline.fix(1)?;
        pipeline.settled(1).await?;
        pipeline.fix(5)?;
        pipeline.settled(5).await?;
        Ok("four workers left in order and four came".to_owned())
    })
    .await
}

pub async fn evicted(tenant: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    under_load(tenant, async |pipeline| {
        let before = pipeline.pods()?;
        let victim = before.first().cloned().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{SYSTEM}/pods/{victim}/eviction");
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": victim, "namespace": SYSTEM},
        })
        .to_string();
        // The budget may say "not yet".
        until(PATIENCE, "the eviction to be let", async || {
            let ask = ["create", "--raw", &path, "--filename=-"];
            tokio::task::block_in_place(|| pipeline.node.ctl(&ask, Some(&eviction)))
        })
        .await?;
        until(PATIENCE, "the evicted pod to be gone", async || {
            let pods = pipeline.pods()?;
            ensure!(!pods.contains(&victim), "{pods:?}");
            Ok(())
        })
        .await?;
        pipeline.settled(5).await?;
        Ok(format!("{victim} left in order, another came"))
    })
    .await
}
