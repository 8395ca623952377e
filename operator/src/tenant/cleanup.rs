//! A tenant's resource is being deleted: everything is kept.
//!
//! Whoever deletes a tenant means that it stops sending: ingest answers 503 `suspended`, keys and rows stay, and a tenant
//! of that name takes them up again. Where the resource definition itself goes, or the tenant's namespace with it, nobody
//! meant a tenant: keys stay valid. Neither asks anything of the broker or validates the spec, so nothing but the
//! store of settings can make it wait.

use k8s_openapi::{
    api::core::v1::Namespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, CustomResourceExt, ResourceExt};
use sendry_crds::{SendryTenant, names};
use sendry_domain::{id::TenantId, time::UnixMillis};
use sendry_store::{Stamp, Written};

use super::apply;
use crate::{context::Context, error::Failure};

/// What became of the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Its keys answer 503 `suspended`.
    Suspended,
    /// Its keys stay valid.
    Valid,
    /// It was not ours to keep, or no more.
    Nothing,
}

/// Keeps what a tenant has, and lets its resource go.
///
/// # Errors
/// When the API server or the store is away; it is tried again.
pub async fn cleanup(cx: &Context, tenant: &SendryTenant) -> Result<Kept, Failure> {
    if !tenant
        .finalizers()
        .iter()
        .any(|f| f == names::TENANT_FINALIZER)
    {
        return Ok(Kept::Nothing);
    }
    let kept = match TenantId::new(&tenant.name_any()) {
        Ok(id) => {
            // Whoever waits for its topology holds the turn, and waits no longer now.
            cx.topology.forget(&id);
            let kept = keep(cx, tenant, &id).await?;
            // Who asked for it meanwhile had read the settings before; who comes later reads that it is kept.
            let _turn = cx.topology.turn(&id).await;
            cx.topology.forget(&id);
            kept
        }
        Err(_) => Kept::Nothing,
    };
    apply::no_finalizer(cx, tenant).await?;
    Ok(kept)
}

async fn keep(cx: &Context, tenant: &SendryTenant, id: &TenantId) -> Result<Kept, Failure> {
    if definition_goes::<SendryTenant>(cx).await?
        || namespace_goes(cx, &tenant.spec.namespace).await?
    {
        return Ok(Kept::Valid);
    }
    let Some(uid) = tenant.uid().and_then(|uid| uid.parse().ok()) else {
        return Ok(Kept::Nothing);
    };
    let stamp = Stamp {
        epoch: cx.epoch,
        uid,
        generation: tenant.metadata.generation.unwrap_or(0),
    };
    if claimed_by_another(cx, id, &stamp).await? {
        return Ok(Kept::Nothing);
    }
    let doing = || format!("retain tenant {id}");
    let now = UnixMillis(cx.clock.now_ms());
    let written = cx.store.retain_tenant(&stamp, id, now).await;
    match written.map_err(|error| Failure::store(doing(), error))? {
        Written::Done => Ok(Kept::Suspended),
        Written::Superseded { by } => Err(Failure::superseded(doing(), by)),
    }
}

/// Whether the settings are another resource's: a tenant of a younger uid has taken them up, or this one never had them.
async fn claimed_by_another(cx: &Context, id: &TenantId, stamp: &Stamp) -> Result<bool, Failure> {
    let settings = cx.store.tenant(id).await;
    let (record, _) = settings
        .map_err(|error| Failure::store(format!("read the settings of tenant {id}"), error))?;
    Ok(record.is_none_or(|record| record.stamp.is_none_or(|found| found.uid != stamp.uid)))
}

/// Whether the definition of a kind is being deleted, and all its objects with it.
///
/// # Errors
/// When the API server does not answer.
pub async fn definition_goes<K: CustomResourceExt>(cx: &Context) -> Result<bool, Failure> {
    let definitions: Api<CustomResourceDefinition> = Api::all(cx.client.clone());
    let name = K::crd_name();
    let found = definitions
        .get_metadata_opt(name)
        .await
        .map_err(|error| Failure::kubernetes(format!("read the definition {name}"), error))?;
    Ok(found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()))
}

async fn namespace_goes(cx: &Context, name: &str) -> Result<bool, Failure> {
    let namespaces: Api<Namespace> = Api::all(cx.client.clone());
    let found = namespaces
        .get_metadata_opt(name)
        .await
        .map_err(|error| Failure::kubernetes(format!("read namespace {name}"), error))?;
    Ok(found.is_some_and(|found| found.metadata.deletion_timestamp.is_some()))
}
