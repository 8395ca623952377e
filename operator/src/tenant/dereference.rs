//! Reads everything that a pass over a tenant decides by. No decision is made here, and nothing is written.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt};
use sendry_crds::SendryTenant;
use sendry_domain::id::TenantId;
use sendry_store::{KeyRecord, TenantRecord};

use super::Others;
use crate::{context::Context, error::Failure};

/// What was found.
#[derive(Clone, Debug)]
pub struct World {
    /// The namespace that the tenant names.
    pub namespace: Option<Namespace>,
    /// Another, older tenant that names the same one.
    pub older: Option<String>,
    /// What the store says of the tenant.
    pub record: Option<TenantRecord>,
    /// And all its keys.
    pub keys: Vec<KeyRecord>,
}

/// Reads it.
///
/// # Errors
/// When the API server or the store cannot be read: nothing is known then, and so nothing is done.
pub async fn dereference(
    cx: &Context,
    others: &dyn Others,
    tenant: &SendryTenant,
) -> Result<World, Failure> {
    let name = &tenant.spec.namespace;
    let namespaces: Api<Namespace> = Api::all(cx.client.clone());
    let namespace = namespaces
        .get_opt(name)
        .await
        .map_err(|error| Failure::kubernetes(format!("read namespace {name}"), error))?;
    let (record, keys) = match TenantId::new(&tenant.name_any()) {
        Ok(id) => settings(cx, &id).await?,
        Err(_) => (None, Vec::new()),
    };
    Ok(World {
        namespace,
        older: others.older_claim(tenant),
        record,
        keys,
    })
}

async fn settings(
    cx: &Context,
    tenant: &TenantId,
) -> Result<(Option<TenantRecord>, Vec<KeyRecord>), Failure> {
    let settings = cx.store.tenant(tenant).await;
    settings.map_err(|error| Failure::store(format!("read the settings of tenant {tenant}"), error))
}
