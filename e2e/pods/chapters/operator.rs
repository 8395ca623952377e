//! The operator goes, and everything goes on.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use sendry_servers::process::Id;
use serde_json::Value;

use super::{Tenant, steady::under_load};
use crate::{
    kubernetes::{PATIENCE, ctl, get, list, until},
    page::Told,
    stage::{SYSTEM, Stage},
};

const DEPLOYMENT: &str = "deployment/sendry-operator";

/// Who leads: a pod, and the process in it.
fn leader(stage: &Stage) -> anyhow::Result<(String, String)> {
    let lease = get(
        &stage.node,
        &["lease", "sendry-operator", "--namespace", SYSTEM],
    )?;
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    let (pod, process) = holder
        .rsplit_once('_')
        .with_context(|| format!("nobody leads: {holder:?}"))?;
    Ok((pod.to_owned(), process.to_owned()))
}

/// SIGKILL. Deleting a pod, even by force, lets it say goodbye; this machine sees the processes of its node.
fn kill(pod: &str) -> anyhow::Result<()> {
    let named = format!("SENDRY_POD_NAME={pod}");
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that has ended meanwhile has no environment.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.any(|variable| variable == named.as_bytes())
            && let Some(id) = Id::of(pid)
        {
            return id.kill();
        }
    }
    bail!("no process of {pod} is on this machine")
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
        kill(&first.0)?;
        let began = Instant::now();
        let next = until(PATIENCE, "another process to lead", async || {
            let next = leader(stage)?;
            ensure!(next != first, "{} still holds the lease", next.0);
            Ok(next)
        })
        .await?;
        let led = began.elapsed();
        pipeline.settled(2).await?;
        pipeline.fix(5)?;
        pipeline.settled(5).await?;
        pipeline.ready().await?;
        let led = led.as_secs_f64();
        Ok(format!(
            "kill -9; {} leads {led:.0} s later and goes on: 5 → 2 → 5",
            next.0
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
        let (leads, _) = leader(stage)?;
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
