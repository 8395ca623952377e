//! The autoscaler: up with a burst, down to none when nothing comes, and up again.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::{Tenant, steady::small};
use crate::{
    kubernetes::{PATIENCE, until},
    page::{Told, told},
};

/// Nothing is lowered in the first 300 s of an operator, and none is left only after 300 s in which several worked.
const REST: Duration = Duration::from_secs(480);

pub async fn burst(tenant: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    let Tenant { pipeline, traffic } = tenant;
    let scaling = json!({"min": 0, "max": 5, "drainTimeTarget": "5s", "scaleToZeroAfter": "30s"});
    pipeline.patch(&json!({"worker": small(), "scaling": scaling}))?;
    pipeline.ready().await?;
    pipeline.rolled().await?;
    let flowing = traffic.begin(8, Duration::ZERO)?;
    let mut most = 0;
    let grown = until(PATIENCE, "three workers at work", async || {
        let workers = pipeline.workers()?;
        most = most.max(workers.wanted);
        ensure!(workers.ready >= 3, "{workers:?}; {}", pipeline.columns()?);
        pipeline.columns()
    })
    .await;
    let confirmed = traffic.end(flowing).await?;
    let columns = grown?;
    let verdict = traffic.judge().await?;
    let redelivered = traffic.stage.redelivered().await?;
    ensure!(
        redelivered == 0,
        "{redelivered} messages were delivered again"
    );
    Ok(told(format!(
        "{confirmed} events; {most} workers were asked for ({columns}); all counted, lost {}, redelivered {redelivered}",
        verdict.lost
    )))
}

pub async fn rest(tenant: &Tenant<'_>) -> anyhow::Result<Told<()>> {
    let pipeline = &tenant.pipeline;
    until(REST, "no worker", async || {
        let (workers, pods) = (pipeline.workers()?, pipeline.pods()?.len());
        let none = workers.wanted == 0 && pods == 0;
        ensure!(none, "{workers:?}, {pods} pods; {}", pipeline.columns()?);
        Ok(())
    })
    .await?;
    Ok(told(format!(
        "no pod, no consumer; {}",
        pipeline.columns()?
    )))
}

pub async fn wake(tenant: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    let Tenant { pipeline, traffic } = tenant;
    let flowing = traffic.begin(1, Duration::from_millis(200))?;
    let began = Instant::now();
    let asked = until(PATIENCE, "a worker to be asked for", async || {
        let workers = pipeline.workers()?;
        ensure!(workers.wanted > 0, "{workers:?}; {}", pipeline.columns()?);
        Ok(began.elapsed())
    })
    .await;
    let confirmed = traffic.end(flowing).await?;
    let asked = asked?;
    let verdict = traffic.judge().await?;
    Ok(told(format!(
        "a worker is asked for after {:.1} s (3 s are asked for); {confirmed} events counted, lost {}",
        asked.as_secs_f64(),
        verdict.lost
    )))
}
