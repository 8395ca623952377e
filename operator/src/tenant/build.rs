//! What should stand, as values. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::{ResourceExt, api::ObjectMeta};
use sendry_crds::names;
use sendry_store::{Stamp, TenantRecord};

use super::validate::Valid;

/// What ingest obeys.
#[must_use]
pub fn record(valid: &Valid) -> TenantRecord {
    TenantRecord {
        id: valid.id.clone(),
        suspended: valid.suspended,
        rate: valid.rate,
        window: valid.window,
        raw_retention: valid.raw_retention,
        max_payload: valid.max_payload,
        retained_at: None,
        stamp: None,
    }
}

/// With which every write into the settings is signed.
#[must_use]
pub fn stamp(valid: &Valid, epoch: u64) -> Stamp {
    Stamp {
        epoch,
        uid: valid.uid,
        generation: valid.generation,
    }
}

/// A namespace that was not there.
#[must_use]
pub fn new_namespace(name: &str, valid: &Valid) -> Namespace {
    let mut namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([
                (names::TENANT_LABEL.to_owned(), valid.id.to_string()),
                (
                    names::MANAGED_BY_LABEL.to_owned(),
                    names::MANAGED_BY.to_owned(),
                ),
            ])),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    if valid.protected {
        let protected = (names::PROTECTED_ANNOTATION.to_owned(), "true".to_owned());
        namespace.metadata.annotations = Some(BTreeMap::from([protected]));
    }
    namespace
}

/// Whether the namespace already says what it should of its protection.
#[must_use]
pub fn is_protected_as_asked(namespace: &Namespace, valid: &Valid) -> bool {
    let said = namespace.annotations().get(names::PROTECTED_ANNOTATION);
    said.is_some_and(|said| said == "true") == valid.protected
}
