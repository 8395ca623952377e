//! Makes it so, and takes it away. Each step looks before it writes, may be repeated, and may be the last before a crash.
//!
//! A Deployment's `spec.replicas` is in nothing that is applied here, or each apply would set it back. A Deployment that is
//! applied without it begins with one replica, and the tenant's limit may leave it none. It is therefore made paused, which
//! makes no pods, told to have none as the autoscaler tells it, and let go; a crash in between is seen by its annotation,
//! and the next pass goes on. The autoscaler asks for the first ones at its next look.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use sendry_crds::{names, pipeline::WorkerSpec};
use sendry_domain::id::{PipelineName, TenantId};
use serde_json::{Value, json};

use super::{
    Wanted, build,
    differ::differs,
    ours::{self, Whose},
    secret,
};
use crate::{context::Context, error::Failure};

/// Who owns the number of replicas.
pub const SCALER: &str = "sendry-autoscaler";

/// Makes the ConfigMap, the Deployment and the PodDisruptionBudget as they should be; writes only what differs. The Secret
/// must be there: see [`super::reader`].
///
/// # Errors
/// When the API server does not answer, the spec is none that [`build::check`] allows, or an object of that name is not
/// ours.
pub async fn ensure(cx: &Context, wanted: &Wanted) -> Result<(), Failure> {
    let (tenant, pipeline) = (&wanted.tenant, &wanted.pipeline);
    let settings = &cx.settings.pods;
    let secret = secret::settled(cx, tenant, pipeline).await?;
    let objects = build::objects(wanted, settings, &cx.settings.namespace, &secret);
    let objects = objects.map_err(|why| {
        Failure::foreign(
            format!("make the workers of pipeline {tenant}/{pipeline}"),
            why,
        )
    })?;
    let whose = Whose::new(cx, tenant, pipeline);
    simple::<ConfigMap>(&whose, &objects.config).await?;
    deployment(&whose, &objects.deployment).await?;
    simple::<PodDisruptionBudget>(&whose, &objects.budget).await
}

/// Keeps up workers of which nothing new is asked, and says by which spec: as `asked` says where that can be, otherwise as
/// they were made last, otherwise by the defaults.
///
/// # Errors
/// As [`ensure`].
pub async fn keep_up(
    cx: &Context,
    tenant: &TenantId,
    pipeline: &PipelineName,
    asked: Option<&WorkerSpec>,
) -> Result<WorkerSpec, Failure> {
    let spec = match asked.filter(|spec| build::check(spec).is_ok()) {
        Some(spec) => spec.clone(),
        None => {
            let found = Whose::new(cx, tenant, pipeline)
                .find::<Deployment>()
                .await?;
            let made_by = found.and_then(|found| build::made_by(found.annotations()));
            made_by.unwrap_or_default()
        }
    };
    let wanted = Wanted {
        tenant: tenant.clone(),
        pipeline: pipeline.clone(),
        spec,
    };
    ensure(cx, &wanted).await?;
    Ok(wanted.spec)
}

/// Takes them away: the Deployment, the budget, the ConfigMap and the Secret, in that order. Only ours, each as it was
/// looked at. What is gone already is no failure, and what is not ours stays.
///
/// # Errors
/// When the API server does not answer.
pub async fn remove(
    cx: &Context,
    tenant: &TenantId,
    pipeline: &PipelineName,
) -> Result<(), Failure> {
    let whose = Whose::new(cx, tenant, pipeline);
    take::<Deployment>(&whose).await?;
    take::<PodDisruptionBudget>(&whose).await?;
    take::<ConfigMap>(&whose).await?;
    take::<Secret>(&whose).await
}

/// An object without anything special about it.
async fn simple<K>(whose: &Whose<'_>, wanted: &Value) -> Result<(), Failure>
where
    K: ours::Kind,
{
    let found = whose.find::<K>().await?;
    let found = found.map(|found| whose.ours(found)).transpose()?;
    match found {
        Some(found) if !differs(wanted, &found) => Ok(()),
        found => apply(whose, wanted, found.as_ref()).await,
    }
}

async fn deployment(whose: &Whose<'_>, wanted: &Value) -> Result<(), Failure> {
    let found = whose.find::<Deployment>().await?;
    match found.map(|found| whose.ours(found)).transpose()? {
        None => {
            apply::<Deployment>(whose, &build::starting(wanted), None).await?;
            to_none(whose).await?;
            let made = whose.find::<Deployment>().await?;
            let made = made.map(|made| whose.ours(made)).transpose()?;
            apply(whose, wanted, made.as_ref()).await
        }
        Some(found) if is_starting(&found) => {
            to_none(whose).await?;
            apply(whose, wanted, Some(&found)).await
        }
        // The API server does not show what is not paused, so it is said where somebody paused it, and nowhere else.
        Some(found) if is_paused(&found) => {
            let mut going = wanted.clone();
            going["spec"]["paused"] = json!(false);
            apply(whose, &going, Some(&found)).await
        }
        Some(found) if differs(wanted, &found) => apply(whose, wanted, Some(&found)).await,
        Some(_) => Ok(()),
    }
}

fn is_starting(found: &Deployment) -> bool {
    let applied = found.annotations().get(names::APPLIED_ANNOTATION);
    applied.is_some_and(|applied| applied == build::STARTING)
}

/// By hand: its pods would stay as they are, whatever is applied.
fn is_paused(found: &Deployment) -> bool {
    let spec = found.spec.as_ref();
    spec.is_some_and(|spec| spec.paused == Some(true))
}

/// As the autoscaler does it: by the `scale` subresource, which leaves what is applied here without a claim to the number.
async fn to_none(whose: &Whose<'_>) -> Result<(), Failure> {
    let patch = json!({"spec": {"replicas": 0}});
    let params = PatchParams {
        field_manager: Some(SCALER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<Deployment> = whose.api();
    let scaled = api
        .patch_scale(&whose.name, &params, &Patch::Merge(&patch))
        .await;
    let doing = || format!("begin Deployment {} without replicas", whose.name);
    scaled
        .map(drop)
        .map_err(|error| Failure::kubernetes(doing(), error))
}

/// Server-side apply. Over one that is there and ours: that very one. Where there was none, without force: what somebody
/// else made in between is not taken from them.
async fn apply<K>(whose: &Whose<'_>, wanted: &Value, over: Option<&K>) -> Result<(), Failure>
where
    K: ours::Kind,
{
    let mut patch = wanted.clone();
    let mut params = PatchParams::apply(names::FIELD_MANAGER);
    if let Some(uid) = over.and_then(ResourceExt::uid) {
        patch["metadata"]["uid"] = json!(uid);
        params = params.force();
    }
    let api: Api<K> = whose.api();
    let applied = api.patch(&whose.name, &params, &Patch::Apply(&patch)).await;
    applied
        .map(drop)
        .map_err(|error| Failure::kubernetes(format!("apply {}", whose.what::<K>()), error))
}

async fn take<K>(whose: &Whose<'_>) -> Result<(), Failure>
where
    K: ours::Kind,
{
    let Some(found) = whose.find::<K>().await? else {
        return Ok(());
    };
    if !whose.is_ours(found.meta()) || found.meta().deletion_timestamp.is_some() {
        return Ok(());
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: found.uid(),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    let api: Api<K> = whose.api();
    match api.delete(&whose.name, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(Failure::kubernetes(
            format!("delete {}", whose.what::<K>()),
            error,
        )),
    }
}
