//! Workers that cannot start: it is said of the pipeline, and nobody else notices.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use super::{
    Tenant,
    steady::{small, under_load},
};
use crate::{
    kubernetes::{PATIENCE, apply, condition, until},
    page::{Told, told},
    pipeline::Pipeline,
    stage::Stage,
};

/// Such as a typing error of whoever runs the platform.
const NOWHERE: &str = "sendry/nowhere:none";

pub async fn broken(stage: &Stage, steady: &mut Tenant<'_>) -> anyhow::Result<Told<()>> {
    steady.pipeline.settled(5).await?;
    let (token, old) = (stage.token()?, steady.pipeline.pods()?);
    stage.helm("upgrade", &[format!("workers.image={NOWHERE}")])?;
    ensure!(
        stage.token()? == token,
        "the upgrade made another token of the API"
    );
    let spec = json!({"worker": small(), "scaling": {"min": 1, "max": 1}});
    apply(&stage.node, &Pipeline::manifest("late", &spec))?;
    let late = Pipeline::of(&stage.node, "late");
    let why = until(PATIENCE, "the reason in the status", async || {
        let (status, why) = condition(&late.object()?, "WorkersAvailable");
        ensure!(
            status == "False" && why.contains("ErrImageNeverPull"),
            "{status} {why}"
        );
        Ok(why)
    })
    .await?;
    // Those that run are not taken away before others can take their place.
    let told_of_it = under_load(steady, async |pipeline| {
        let ready = async || {
            let workers = pipeline.workers()?;
            ensure!(workers.ready == 5, "{workers:?}");
            Ok(())
        };
        until(PATIENCE, "five ready workers", ready).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        until(PATIENCE, "five ready workers still", ready).await?;
        let there = pipeline.pods()?;
        let gone: Vec<_> = old.iter().filter(|pod| !there.contains(pod)).collect();
        ensure!(gone.is_empty(), "{gone:?} were taken away; left: {there:?}");
        Ok("five old workers go on".to_owned())
    })
    .await?;
    stage.helm("upgrade", &[])?;
    late.ready().await?;
    late.settled(1).await?;
    steady.pipeline.settled(5).await?;
    Ok(told(format!(
        "`{why}`; {}; mended by an upgrade",
        told_of_it.1
    )))
}
