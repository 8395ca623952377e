//! Reads everything that a pass over a pipeline decides by. No decision is made here, and nothing is written.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt};
use sendry_crds::{SendryPipeline, SendryTenant, names::TENANT_LABEL};
use sendry_domain::id::TenantId;
use sendry_store::{ManagedPipeline, TenantRecord};

use crate::{context::Context, error::Failure, settings::WATCH_FILTER_LABEL};

/// What was found.
#[derive(Clone, Debug)]
pub struct World {
    /// The namespace is being deleted, or gone.
    pub namespace_goes: bool,
    /// Whose it is.
    pub tenant: Whose,
    /// What the store says of the tenant.
    pub record: Option<TenantRecord>,
    /// What the store says of all the tenant's pipelines.
    pub rows: Vec<ManagedPipeline>,
    /// The other pipelines of the namespace.
    pub siblings: Vec<Arc<SendryPipeline>>,
}

/// Whose a namespace is.
#[derive(Clone, Debug)]
pub enum Whose {
    /// No tenant's.
    Nobodys,
    /// A tenant's that another operator cares for.
    AnotherOperators,
    /// This tenant's.
    Tenant(Box<SendryTenant>),
}

/// Reads it; `siblings` are all pipelines of the namespace.
///
/// # Errors
/// When the API server or the store cannot be read: nothing is known then, and so nothing is done.
pub async fn dereference(
    cx: &Context,
    mut siblings: Vec<Arc<SendryPipeline>>,
    pipeline: &SendryPipeline,
) -> Result<World, Failure> {
    let name = pipeline.namespace().unwrap_or_default();
    let namespaces: Api<Namespace> = Api::all(cx.client.clone());
    let namespace = namespaces
        .get_metadata_opt(&name)
        .await
        .map_err(|error| Failure::kubernetes(format!("read namespace {name}"), error))?;
    let label = namespace
        .as_ref()
        .and_then(|n| n.labels().get(TENANT_LABEL));
    let tenant = match label {
        Some(label) => whose(cx, label, &name).await?,
        None => Whose::Nobodys,
    };
    let id = match &tenant {
        Whose::Tenant(tenant) => TenantId::new(&tenant.name_any()).ok(),
        Whose::Nobodys | Whose::AnotherOperators => None,
    };
    let (record, rows) = match id {
        Some(id) => settings(cx, &id).await?,
        None => (None, Vec::new()),
    };
    siblings.retain(|other| other.name_any() != pipeline.name_any());
    Ok(World {
        namespace_goes: namespace.is_none_or(|n| n.metadata.deletion_timestamp.is_some()),
        tenant,
        record,
        rows,
        siblings,
    })
}

/// A namespace is its tenant's by the tenant's spec and by the namespace's label: the one says who wants it, the other who
/// has it.
async fn whose(cx: &Context, label: &str, namespace: &str) -> Result<Whose, Failure> {
    let tenants: Api<SendryTenant> = Api::all(cx.client.clone());
    let found = tenants
        .get_opt(label)
        .await
        .map_err(|error| Failure::kubernetes(format!("read tenant {label}"), error))?;
    Ok(match found {
        Some(tenant) if tenant.spec.namespace != namespace => Whose::Nobodys,
        Some(tenant) => {
            let filter = cx.settings.watch_filter.as_ref();
            if filter.is_some_and(|f| tenant.labels().get(WATCH_FILTER_LABEL) != Some(f)) {
                Whose::AnotherOperators
            } else {
                Whose::Tenant(Box::new(tenant))
            }
        }
        None => Whose::Nobodys,
    })
}

async fn settings(
    cx: &Context,
    tenant: &TenantId,
) -> Result<(Option<TenantRecord>, Vec<ManagedPipeline>), Failure> {
    let failed = |error| Failure::store(format!("read the settings of tenant {tenant}"), error);
    let (record, _keys) = cx.store.tenant(tenant).await.map_err(failed)?;
    let rows = cx.store.pipelines(tenant).await.map_err(failed)?;
    Ok((record, rows))
}
