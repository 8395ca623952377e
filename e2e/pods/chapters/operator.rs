//! The operator goes, and everything goes on.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Tenant, steady::under_load};
use crate::{
    kubernetes::{PATIENCE, ctl, get, list, until},
    page::Told,
    stage::{SYSTEM, Stage},
};

const DEPLOYMENT: &str = "deployment/sendry-operator";

/// The pod that leads.
fn leader(stage: &Stage) -> anyhow::Result<String> {
    let lease = get(
        &stage.node,
        &["lease", "sendry-operator", "--namespace", SYSTEM],
    )?;
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    let (pod, _) = holder
        .rsplit_once('_')
        .with_context(|| format!("nobody leads: {holder:?}"))?;
    Ok(pod.to_owned())
}

fn pods(stage: &Stage) -> anyhow::Result<Vec<Value>> {
    let by = "app.kubernetes.io/component=operator";
    list(
        &stage.node,
        &["pods", "--namespace", SYSTEM, "--selector", by],
    )
}

fn scale(stage: &Stage, count: u32) -> anyhow::Result<()> {
    let replicas = format!("--replicas={count}");
    ctl(
        &stage.node,
        &["scale", DEPLOYMENT, "--namespace", SYSTEM, &replicas],
    )
    .map(drop)
}

/// Killed without a word, just after it was told to go from five workers to two.
pub async fn killed(stage: &Stage, tenant: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    under_load(tenant, async |pipeline| {
        let first = leader(stage)?;
        pipeline.fix(2)?;
        let now = ["--grace-period=0", "--force"];
        let delete = ["delete", "pod", &first, "--namespace", SYSTEM];
        ctl(&stage.node, &[&delete[..], &now].concat())?;
        let began = Instant::now();
        let next = until(PATIENCE, "another operator to lead", async || {
            let next = leader(stage)?;
            ensure!(next != first, "{next} still leads");
            Ok(next)
        })
        .await?;
        let led = began.elapsed();
        pipeline.settled(2).await?;
        pipeline.fix(5)?;
        pipeline.settled(5).await?;
        pipeline.ready().await?;
        Ok(format!(
            "{next} leads {:.0} s later and goes on: 5 → 2 → 5",
            led.as_secs_f64()
        ))
    })
    .await
}

pub async fn away(
    stage: &Stage,
    tenant: &mut Tenant<'_>,
    away: Duration,
) -> anyhow::Result<Told<()>> {
    scale(stage, 0)?;
    let gone = until(PATIENCE, "every operator to be gone", async || {
        let pods = pods(stage)?.len();
        ensure!(pods == 0, "{pods} are there");
        Ok(())
    });
    gone.await?;
    let before = tenant.pipeline.pods()?;
    let told = under_load(tenant, async |_| {
        tokio::time::sleep(away).await;
        Ok("the same workers go on".to_owned())
    })
    .await;
    // Whatever was found: what comes next needs one.
    scale(stage, 2)?;
    let told = told?;
    until(PATIENCE, "an operator to lead", async || {
        let leads = leader(stage)?;
        let there = pods(stage)?
            .iter()
            .any(|pod| pod["metadata"]["name"] == leads.as_str());
        ensure!(there, "{leads} holds the lease, and is gone");
        Ok(())
    })
    .await?;
    tenant.pipeline.ready().await?;
    let after = tenant.pipeline.pods()?;
    ensure!(
        before == after,
        "workers were changed: {before:?}, then {after:?}"
    );
    Ok(told)
}
