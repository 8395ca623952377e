//! The first minute, and the last.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::Tenant;
use crate::{
    kubernetes::{PATIENCE, ctl, list, until},
    page::{Told, told},
    pipeline::Pipeline,
    stage::{SYSTEM, Stage, repository},
    traffic::Traffic,
};

pub async fn install(stage: &Stage) -> anyhow::Result<Told<()>> {
    stage.prepare()?;
    stage.helm("install", &[])?;
    let pods = list(&stage.node, &["pods", "--namespace", SYSTEM])?;
    Ok(told(format!(
        "{} pods Ready under the restricted Pod Security Standard: operator, ingest, analytics, keeper",
        pods.len()
    )))
}

pub async fn quickstart(stage: &Stage) -> anyhow::Result<Told<Tenant<'_>>> {
    let began = Instant::now();
    let file = repository("examples/quickstart.yaml");
    let file = file.to_string_lossy();
    ctl(&stage.node, &["apply", "--filename", &file])?;
    let pipeline = Pipeline::of(&stage.node, "quickstart");
    let key = pipeline.ready().await?;
    let ready = began.elapsed();
    pipeline.settled(1).await?;
    let traffic = Traffic::of(stage, "quickstart", key)?;
    let seen = format!(
        "tenant and pipeline Ready after {:.1} s, a key in the Secret, one worker drains the queue",
        ready.as_secs_f64()
    );
    Ok(Told(Tenant { pipeline, traffic }, seen))
}

pub async fn numbers(stage: &Stage, tenant: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    let requests = async || {
        let answer = stage
            .ask("/api/v1/summary?tenant=quickstart&from=now-3h")
            .await?;
        Ok::<_, anyhow::Error>(answer["data"]["requests"].as_u64().unwrap_or(0))
    };
    let flowing = tenant.traffic.begin(2, Duration::from_millis(20))?;
    until(
        PATIENCE,
        "the first 500 events on the dashboard",
        async || {
            let shown = requests().await?;
            ensure!(shown >= 500, "{shown} are shown");
            Ok(())
        },
    )
    .await?;
    let confirmed = tenant.traffic.end(flowing).await?;
    until(
        PATIENCE,
        "every confirmed event on the dashboard",
        async || {
            let shown = requests().await?;
            ensure!(shown == confirmed, "{shown} of {confirmed} are shown");
            Ok(())
        },
    )
    .await?;
    let ledger = stage
        .ask("/api/v1/pipeline/ledger?tenant=quickstart")
        .await?;
    ensure!(
        ledger["data"]["closes"] == true,
        "the account does not close: {ledger}"
    );
    let verdict = tenant.traffic.judge().await?;
    Ok(told(format!(
        "{confirmed} answered with 202, {confirmed} on the dashboard, the account closes; lost {}, duplicated {}",
        verdict.lost, verdict.duplicated
    )))
}

/// What is left is everything that matters.
pub async fn uninstall(stage: &Stage, tenant: &Tenant<'_>) -> anyhow::Result<Told<()>> {
    let release = ["uninstall", "sendry", "--namespace", SYSTEM, "--wait"];
    tokio::task::block_in_place(|| stage.node.helm(&release))?;
    let (tenants, workers) = (
        list(&stage.node, &["stn"])?.len(),
        tenant.pipeline.workers()?,
    );
    ensure!(tenants > 0, "tenants went with the chart");
    ensure!(
        workers.wanted > 0,
        "workers went with the chart: {workers:?}"
    );
    // What they are made of stays, too: one that is lost comes again.
    let before = tenant.pipeline.pods()?;
    let lost = before.first().cloned().unwrap_or_default();
    ctl(
        &stage.node,
        &["delete", "pod", &lost, "--namespace", SYSTEM],
    )?;
    tenant.pipeline.settled(workers.wanted).await?;
    Ok(told(format!(
        "{tenants} tenants and their workers stay; {lost} was deleted, and another came"
    )))
}
