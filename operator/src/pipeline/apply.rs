//! Makes it so, a step at a time. Each step looks before it writes, may be repeated, and may be the last before a crash.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sendry_crds::{SendryPipeline, SendryPipelineStatus, names};
use sendry_store::{ManagedPipeline, Stamp, Written};
use serde_json::json;

use crate::{
    context::Context,
    error::{Category, Failure},
    settings::WATCH_FILTER_LABEL,
};

/// How often a conflict is answered at once.
const TRIES: usize = 3;

/// Puts our finalizer on, so that the queue is drained or kept before the pipeline goes; and our label, where several
/// operators share a cluster: it says whose it is when its tenant has gone before.
///
/// # Errors
/// When the API server does not take it; a conflict when somebody wrote in between.
pub async fn finalizer(cx: &Context, pipeline: &SendryPipeline) -> Result<(), Failure> {
    let mut finalizers = pipeline.finalizers().to_vec();
    if finalizers.iter().any(|f| f == names::PIPELINE_FINALIZER) {
        return Ok(());
    }
    finalizers.push(names::PIPELINE_FINALIZER.to_owned());
    finalizers_are(cx, pipeline, &finalizers).await
}

/// Takes our finalizer off. Who wrote in between, a status for example, does not matter: what the pipeline had is settled,
/// and a pass from the beginning would not know any more what became of it.
///
/// # Errors
/// When the API server does not take it.
pub async fn no_finalizer(cx: &Context, pipeline: &SendryPipeline) -> Result<(), Failure> {
    let mut newest = None;
    for _ in 0..TRIES {
        match without_ours(cx, newest.as_ref().unwrap_or(pipeline)).await {
            Err(failure) if failure.category == Category::Conflict => {}
            ended => return ended,
        }
        let doing = || format!("read pipeline {}", full_name(pipeline));
        let found = api(cx, pipeline).get_opt(&pipeline.name_any()).await;
        let found = found.map_err(|error| Failure::kubernetes(doing(), error))?;
        newest = found.filter(|found| found.metadata.uid == pipeline.metadata.uid);
        if newest.is_none() {
            return Ok(());
        }
    }
    without_ours(cx, newest.as_ref().unwrap_or(pipeline)).await
}

async fn without_ours(cx: &Context, pipeline: &SendryPipeline) -> Result<(), Failure> {
    let others = pipeline.finalizers().iter();
    let others: Vec<String> = others
        .filter(|f| *f != names::PIPELINE_FINALIZER)
        .cloned()
        .collect();
    finalizers_are(cx, pipeline, &others).await
}

async fn finalizers_are(
    cx: &Context,
    pipeline: &SendryPipeline,
    finalizers: &[String],
) -> Result<(), Failure> {
    let mut metadata = json!({
        "finalizers": finalizers, "resourceVersion": pipeline.resource_version(), "uid": pipeline.uid(),
    });
    if let Some(filter) = &cx.settings.watch_filter {
        metadata["labels"] = json!({WATCH_FILTER_LABEL: filter});
    }
    let name = pipeline.name_any();
    let patched = api(cx, pipeline)
        .patch_metadata(
            &name,
            &PatchParams::default(),
            &Patch::Merge(&json!({"metadata": metadata})),
        )
        .await;
    match patched {
        Ok(_) => Ok(()),
        // The last finalizer went before: so did the pipeline.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => {
            let doing = format!("set the finalizers of pipeline {}", full_name(pipeline));
            Err(Failure::kubernetes(doing, error))
        }
    }
}

/// Tells ingest, and everybody who makes the tenant's queues.
///
/// # Errors
/// When the store is away, or somebody knows better.
pub async fn row(
    cx: &Context,
    stamp: &Stamp,
    wanted: &ManagedPipeline,
    found: Option<&ManagedPipeline>,
) -> Result<(), Failure> {
    let record = &wanted.record;
    let doing = || {
        format!(
            "write the settings of pipeline {}/{}",
            record.tenant, record.name
        )
    };
    if found.is_some_and(|found| says(found, wanted, stamp)) {
        return Ok(());
    }
    let written = cx.store.apply_pipeline(stamp, wanted).await;
    match written.map_err(|error| Failure::store(doing(), error))? {
        Written::Done => Ok(()),
        Written::Superseded { by } => Err(Failure::superseded(doing(), by)),
    }
}

/// Whether the store already says all of it, on behalf of this very resource.
fn says(found: &ManagedPipeline, wanted: &ManagedPipeline, stamp: &Stamp) -> bool {
    let by_us = found
        .stamp
        .is_some_and(|found| found.uid == stamp.uid && found.generation == stamp.generation);
    let unstamped = ManagedPipeline {
        stamp: None,
        ..found.clone()
    };
    by_us && unstamped == *wanted
}

/// Forgets the pipeline: everything of it is gone.
///
/// # Errors
/// When the store is away, or somebody knows better.
pub async fn no_row(cx: &Context, stamp: &Stamp, row: &ManagedPipeline) -> Result<(), Failure> {
    let record = &row.record;
    let doing = || {
        format!(
            "remove the settings of pipeline {}/{}",
            record.tenant, record.name
        )
    };
    let removed = cx
        .store
        .remove_pipeline(stamp, &record.tenant, &record.name)
        .await;
    match removed.map_err(|error| Failure::store(doing(), error))? {
        Written::Done => Ok(()),
        Written::Superseded { by } => Err(Failure::superseded(doing(), by)),
    }
}

/// Writes our part of a status.
///
/// # Errors
/// When the API server does not take it.
pub async fn status(
    cx: &Context,
    pipeline: &SendryPipeline,
    status: &SendryPipelineStatus,
) -> Result<(), Failure> {
    let name = pipeline.name_any();
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "SendryPipeline",
        "metadata": {"name": name, "uid": pipeline.uid()},
        "status": status,
    });
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    let patched = api(cx, pipeline)
        .patch_status(&name, &params, &Patch::Apply(&patch))
        .await;
    patched.map(drop).map_err(|error| {
        let doing = format!("write the status of pipeline {}", full_name(pipeline));
        Failure::kubernetes(doing, error)
    })
}

fn api(cx: &Context, pipeline: &SendryPipeline) -> Api<SendryPipeline> {
    let namespace = pipeline.namespace().unwrap_or_default();
    Api::namespaced(cx.client.clone(), &namespace)
}

fn full_name(pipeline: &SendryPipeline) -> String {
    crate::watch::key(
        &pipeline.namespace().unwrap_or_default(),
        &pipeline.name_any(),
    )
}
