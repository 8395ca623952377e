//! Whose an object is, by its labels: ours for this very pipeline, or not to be touched.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Resource, core::ObjectMeta};
use sendry_domain::id::{PipelineName, TenantId};
use serde::{Serialize, de::DeserializeOwned};

use super::build;
use crate::{
    context::Context,
    error::{Category, Failure},
};

/// A kind of what workers consist of.
pub(super) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
{
}

/// One pipeline's objects.
pub(super) struct Whose<'a> {
    cx: &'a Context,
    tenant: &'a TenantId,
    pipeline: &'a PipelineName,
    /// Of them all.
    pub name: String,
}

impl<'a> Whose<'a> {
    pub(super) fn new(cx: &'a Context, tenant: &'a TenantId, pipeline: &'a PipelineName) -> Self {
        Self {
            cx,
            tenant,
            pipeline,
            name: build::name(tenant, pipeline),
        }
    }

    pub(super) fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.cx.client.clone(), &self.cx.settings.namespace)
    }

    /// The object, for what was being done with it.
    pub(super) fn what<K: Kind>(&self) -> String {
        let (kind, name) = (K::kind(&()), &self.name);
        format!(
            "{kind} {}/{name} of pipeline {}/{}",
            self.cx.settings.namespace, self.tenant, self.pipeline
        )
    }

    pub(super) async fn find<K: Kind>(&self) -> Result<Option<K>, Failure> {
        let found = self.api::<K>().get_opt(&self.name).await;
        found.map_err(|error| Failure::kubernetes(format!("read {}", self.what::<K>()), error))
    }

    pub(super) fn is_ours(&self, meta: &ObjectMeta) -> bool {
        let carries = meta.labels.as_ref();
        build::labels(self.tenant, self.pipeline)
            .iter()
            .all(|(key, value)| carries.and_then(|labels| labels.get(key)) == Some(value))
    }

    /// `found`, if it may be written to.
    pub(super) fn ours<K: Kind>(&self, found: K) -> Result<K, Failure> {
        if !self.is_ours(found.meta()) {
            return Err(Failure::foreign(
                format!("take over {}", self.what::<K>()),
                "it was there before and has not the labels of this pipeline's workers; delete it, or move it elsewhere",
            ));
        }
        if found.meta().deletion_timestamp.is_some() {
            return Err(Failure {
                category: Category::Conflict,
                doing: format!("write {}", self.what::<K>()),
                source: "it is being deleted; a new one is made when it is gone".into(),
            });
        }
        Ok(found)
    }
}
