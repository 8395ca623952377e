//! Makes it so, a step at a time. Each step looks before it writes, may be repeated, and may be the last before a crash.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{Namespace, Secret},
};
use kube::{
    Api, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use sendry_crds::{SendryTenant, names};
use sendry_domain::id::TenantId;
use sendry_queue::topology::SecretText;
use sendry_store::{Stamp, TenantRecord, Written};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    build,
    dereference::World,
    validate::{NamespacePlan, Valid},
};
use crate::{context::Context, error::Failure};

/// Random bytes of a broker user's password.
const PASSWORD: usize = 24;

/// Puts our finalizer on, so that the store learns of a deletion.
///
/// # Errors
/// When the API server does not take it; a conflict when somebody wrote in between.
pub async fn finalizer(cx: &Context, tenant: &SendryTenant) -> Result<(), Failure> {
    let mut finalizers = tenant.finalizers().to_vec();
    if finalizers.iter().any(|f| f == names::TENANT_FINALIZER) {
        return Ok(());
    }
    finalizers.push(names::TENANT_FINALIZER.to_owned());
    finalizers_are(cx, tenant, &finalizers).await
}

/// Takes our finalizer off.
///
/// # Errors
/// As [`finalizer`].
pub async fn no_finalizer(cx: &Context, tenant: &SendryTenant) -> Result<(), Failure> {
    let others = tenant.finalizers().iter();
    let others: Vec<String> = others
        .filter(|f| *f != names::TENANT_FINALIZER)
        .cloned()
        .collect();
    finalizers_are(cx, tenant, &others).await
}

async fn finalizers_are(
    cx: &Context,
    tenant: &SendryTenant,
    finalizers: &[String],
) -> Result<(), Failure> {
    let tenants: Api<SendryTenant> = Api::all(cx.client.clone());
    let name = tenant.name_any();
    let patch = json!({"metadata": {
        "finalizers": finalizers, "resourceVersion": tenant.resource_version(), "uid": tenant.uid(),
    }});
    let patched = tenants
        .patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    match patched {
        Ok(_) => Ok(()),
        // The last finalizer went before: so did the tenant.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(Failure::kubernetes(
            format!("set the finalizers of tenant {name}"),
            error,
        )),
    }
}

/// Makes the namespace, or tells the one there whether it is protected. One that appears in between without our label is
/// never taken: making it fails then.
///
/// # Errors
/// When the API server does not take it; a conflict when it appeared in between.
pub async fn namespace(
    cx: &Context,
    name: &str,
    valid: &Valid,
    world: &World,
) -> Result<(), Failure> {
    let namespaces: Api<Namespace> = Api::all(cx.client.clone());
    match (valid.namespace, &world.namespace) {
        (NamespacePlan::Make, _) => {
            let new = build::new_namespace(name, valid);
            let made = namespaces.create(&PostParams::default(), &new).await;
            made.map(drop)
                .map_err(|error| Failure::kubernetes(format!("make namespace {name}"), error))
        }
        (NamespacePlan::Keep, Some(found)) if !build::is_protected_as_asked(found, valid) => {
            let value = valid.protected.then_some("true");
            let patch = json!({"metadata": {
                "annotations": {names::PROTECTED_ANNOTATION: value},
                "resourceVersion": found.resource_version(),
            }});
            let patched = namespaces
                .patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch))
                .await;
            patched
                .map(drop)
                .map_err(|error| Failure::kubernetes(format!("annotate namespace {name}"), error))
        }
        (NamespacePlan::Keep | NamespacePlan::Leave, _) => Ok(()),
    }
}

/// Tells ingest and workers.
///
/// # Errors
/// When the store is away, or somebody knows better.
pub async fn record(
    cx: &Context,
    stamp: &Stamp,
    wanted: &TenantRecord,
    found: Option<&TenantRecord>,
) -> Result<(), Failure> {
    let doing = || format!("write the settings of tenant {}", wanted.id);
    if found.is_some_and(|found| says(found, wanted, stamp)) {
        return Ok(());
    }
    let written = cx.store.apply_tenant(stamp, wanted).await;
    match written.map_err(|error| Failure::store(doing(), error))? {
        Written::Done => Ok(()),
        Written::Superseded { by } => Err(Failure::superseded(doing(), by)),
    }
}

/// Whether the store already says all of it, on behalf of this very resource.
fn says(found: &TenantRecord, wanted: &TenantRecord, stamp: &Stamp) -> bool {
    let by_us = found
        .stamp
        .is_some_and(|found| found.uid == stamp.uid && found.generation == stamp.generation);
    let unstamped = TenantRecord {
        stamp: None,
        ..found.clone()
    };
    by_us && unstamped == *wanted
}

/// The password of the broker's user that may read the tenant's parked queue, from its Secret in the operator's namespace;
/// made where there is none. Whoever deletes the Secret gets another password within a pass.
///
/// # Errors
/// When the API server does not answer; a conflict when it was made in between.
pub async fn parked_reader(cx: &Context, tenant: &TenantId) -> Result<SecretText, Failure> {
    let name = parked_reader_secret(tenant);
    let secrets: Api<Secret> = Api::namespaced(cx.client.clone(), &cx.settings.namespace);
    let found = secrets
        .get_opt(&name)
        .await
        .map_err(|error| Failure::kubernetes(format!("read Secret {name}"), error))?;
    if let Some(password) = found.as_ref().and_then(password) {
        return Ok(password);
    }
    let mut bytes = [0; PASSWORD];
    cx.entropy.fill(&mut bytes).map_err(|error| Failure {
        category: crate::error::Category::Kubernetes,
        doing: format!("make a password for Secret {name}"),
        source: Box::new(error),
    })?;
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let data = BTreeMap::from([
        (
            "username".to_owned(),
            ByteString(format!("sendry.{tenant}").into_bytes()),
        ),
        (
            "password".to_owned(),
            ByteString(password.clone().into_bytes()),
        ),
    ]);
    let written = match found {
        None => {
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(name.clone()),
                    labels: Some(labels(tenant)),
                    ..ObjectMeta::default()
                },
                type_: Some("Opaque".to_owned()),
                data: Some(data),
                ..Secret::default()
            };
            secrets.create(&PostParams::default(), &secret).await
        }
        Some(mut secret) => {
            secret.data.get_or_insert_default().extend(data);
            secrets
                .replace(&name, &PostParams::default(), &secret)
                .await
        }
    };
    written.map_err(|error| Failure::kubernetes(format!("write Secret {name}"), error))?;
    Ok(SecretText::new(password))
}

/// The name of that Secret.
#[must_use]
pub fn parked_reader_secret(tenant: &TenantId) -> String {
    let digest = Sha256::digest(tenant.as_str());
    let hex: String = digest[..8].iter().map(|b| format!("{b:02x}")).collect();
    format!("broker-{hex}")
}

fn password(secret: &Secret) -> Option<SecretText> {
    let bytes = &secret.data.as_ref()?.get("password")?.0;
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty()).then(|| SecretText::new(text))
}

fn labels(tenant: &TenantId) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::TENANT_LABEL.to_owned(), tenant.to_string()),
        (
            names::MANAGED_BY_LABEL.to_owned(),
            names::MANAGED_BY.to_owned(),
        ),
    ])
}
