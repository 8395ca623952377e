//! The Secret of a pipeline's broker user: its name, its password, and the address that workers use. Written by create, or
//! update with what was read, so that of two writers one is told; never by apply.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, ResourceExt,
    api::{ListParams, ObjectMeta, PostParams},
};
use sendry_crds::names;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_queue::topology::{SecretText, reader_of};

use super::{build, build::QUEUE_URL, ours::Whose};
use crate::{
    context::Context,
    error::{Category, Failure},
};

/// Random bytes of a password.
const PASSWORD: usize = 24;
const PASSWORD_KEY: &str = "password";
const USER_KEY: &str = "username";

/// The password of the broker's user of this pipeline: read from its Secret, or made and put there. Whoever deletes the
/// Secret gets another one within a pass, and new pods with it.
///
/// # Errors
/// When the API server does not answer, somebody wrote in between, or the Secret of that name is not ours.
pub async fn reader(
    cx: &Context,
    tenant: &TenantId,
    pipeline: &PipelineName,
) -> Result<SecretText, Failure> {
    let whose = Whose::new(cx, tenant, pipeline);
    let found = whose.find::<Secret>().await?;
    let found = found.map(|found| whose.ours(found)).transpose()?;
    let known = found.as_ref().and_then(password);
    let password = match known {
        Some(password) => password,
        None => fresh(cx, &whose)?,
    };
    let wanted = data(cx, tenant, pipeline, &password);
    write(cx, &whose, (tenant, pipeline), found, wanted).await?;
    Ok(SecretText::new(password))
}

/// The passwords of all users of a tenant's pipelines, as far as their Secrets are there and as they should be: whoever is
/// not among them is for [`reader`]. One request, however many there are.
///
/// # Errors
/// When the API server does not answer.
pub async fn readers(
    cx: &Context,
    tenant: &TenantId,
) -> Result<BTreeMap<PipelineName, SecretText>, Failure> {
    let secrets: Api<Secret> = Api::namespaced(cx.client.clone(), &cx.settings.namespace);
    let of_workers = format!(
        "{}={},{}={tenant}",
        names::NAME_LABEL,
        names::WORKER_NAME,
        names::TENANT_LABEL
    );
    let params = ListParams::default().labels(&of_workers);
    let listed = secrets.list(&params).await;
    let listed = listed.map_err(|error| {
        let doing = format!("list the Secrets of the workers of tenant {tenant}");
        Failure::kubernetes(doing, error)
    })?;
    let whole = |secret: &Secret| -> Option<(PipelineName, SecretText)> {
        let label = secret.labels().get(names::PIPELINE_LABEL)?;
        let pipeline = PipelineName::new(label).ok()?;
        let whose = Whose::new(cx, tenant, &pipeline);
        let stands = secret.metadata.deletion_timestamp.is_none();
        if !stands || secret.name_any() != whose.name || !whose.is_ours(&secret.metadata) {
            return None;
        }
        let password = password(secret)?;
        let wanted = data(cx, tenant, &pipeline, &password);
        has(secret, &wanted).then(|| (pipeline, SecretText::new(password)))
    };
    Ok(listed.iter().filter_map(whole).collect())
}

/// A hash of what workers are given by the Secret, which has to be there.
///
/// # Errors
/// When the API server does not answer, or the Secret went in between or is not ours.
pub(super) async fn settled(
    cx: &Context,
    tenant: &TenantId,
    pipeline: &PipelineName,
) -> Result<String, Failure> {
    let whose = Whose::new(cx, tenant, pipeline);
    let found = whose.find::<Secret>().await?;
    let found = found.map(|found| whose.ours(found)).transpose()?;
    let text = found.as_ref().and_then(|secret| text(secret, QUEUE_URL));
    let text = text.ok_or_else(|| Failure {
        category: Category::Conflict,
        doing: format!("use {}", whose.what::<Secret>()),
        source: "it went, or was emptied, since it was read".into(),
    })?;
    // 192 random bits are among it: a hash tells nothing of them.
    Ok(build::short(text))
}

async fn write(
    cx: &Context,
    whose: &Whose<'_>,
    (tenant, pipeline): (&TenantId, &PipelineName),
    found: Option<Secret>,
    wanted: BTreeMap<String, ByteString>,
) -> Result<(), Failure> {
    let secrets: Api<Secret> = Api::namespaced(cx.client.clone(), &cx.settings.namespace);
    let written = match found {
        None => {
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(whose.name.clone()),
                    labels: Some(build::labels(tenant, pipeline)),
                    ..ObjectMeta::default()
                },
                type_: Some("Opaque".to_owned()),
                data: Some(wanted),
                ..Secret::default()
            };
            secrets.create(&PostParams::default(), &secret).await
        }
        Some(secret) if has(&secret, &wanted) => return Ok(()),
        Some(mut secret) => {
            secret.data.get_or_insert_default().extend(wanted);
            secrets
                .replace(&whose.name, &PostParams::default(), &secret)
                .await
        }
    };
    written
        .map(drop)
        .map_err(|error| Failure::kubernetes(format!("write {}", whose.what::<Secret>()), error))
}

fn has(secret: &Secret, wanted: &BTreeMap<String, ByteString>) -> bool {
    let data = secret.data.as_ref();
    let is = |(key, value)| data.is_some_and(|data| data.get(key) == Some(value));
    wanted.iter().all(is)
}

fn data(
    cx: &Context,
    tenant: &TenantId,
    pipeline: &PipelineName,
    password: &str,
) -> BTreeMap<String, ByteString> {
    let user = reader_of(&QueueName::Pipeline(tenant.clone(), pipeline.clone()));
    let url = cx.settings.pods.queue_url.of(&user, password);
    let entry = |key: &str, text: &str| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
    BTreeMap::from([
        entry(USER_KEY, &user),
        entry(PASSWORD_KEY, password),
        entry(QUEUE_URL, &url),
    ])
}

fn fresh(cx: &Context, whose: &Whose<'_>) -> Result<String, Failure> {
    let mut bytes = [0; PASSWORD];
    cx.entropy.fill(&mut bytes).map_err(|error| Failure {
        category: Category::Kubernetes,
        doing: format!("make a password for {}", whose.what::<Secret>()),
        source: Box::new(error),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn password(secret: &Secret) -> Option<String> {
    text(secret, PASSWORD_KEY).map(str::to_owned)
}

fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.is_empty())
}
