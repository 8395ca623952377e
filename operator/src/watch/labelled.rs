//! What carries a tenant's label, and whose it is: of Secrets and namespaces, by their metadata alone.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use kube::{
    Resource,
    core::{ObjectMeta, PartialObjectMeta},
    runtime::watcher::Event,
};
use sendry_crds::names::TENANT_LABEL;

use super::known::Known;

/// What has to differ for an object to count as changed.
pub(super) type Mark = fn(&ObjectMeta) -> u64;

/// Everything, content and all: our own writes too, whose pass then finds nothing to do.
pub(super) fn content(meta: &ObjectMeta) -> u64 {
    hash(&(&meta.uid, &meta.resource_version))
}

/// What people and other programs say to us: not what is written into a status, which would be ourselves.
pub(super) fn metadata(meta: &ObjectMeta) -> u64 {
    let deleted = meta.deletion_timestamp.as_ref().map(|at| at.0);
    hash(&(
        &meta.uid,
        meta.generation,
        deleted,
        &meta.labels,
        &meta.annotations,
        &meta.finalizers,
    ))
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Objects with the label.
pub(super) struct Labelled {
    mark: Mark,
    /// The tenant that each names.
    known: Known<String>,
}

impl Labelled {
    pub(super) fn new(mark: Mark) -> Self {
        Self {
            mark,
            known: Known::default(),
        }
    }

    /// The tenants that an event is about. The first list is about nobody: they all have a pass ahead of them.
    pub(super) fn hear<K: Resource>(
        &mut self,
        event: Event<PartialObjectMeta<K>>,
    ) -> BTreeSet<String> {
        let was_synced = self.known.synced();
        let changes = self.known.hear(event, |object: PartialObjectMeta<K>| {
            let tenant = object.metadata.labels.as_ref()?.get(TENANT_LABEL)?;
            // With the label: it may be taken from one tenant to another and nothing else be different.
            Some((
                hash(&(tenant, (self.mark)(&object.metadata))),
                tenant.clone(),
            ))
        });
        // The label may have been another's before.
        let about = changes
            .into_iter()
            .flat_map(|change| [change.before, change.now]);
        if was_synced {
            about.flatten().collect()
        } else {
            BTreeSet::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::json;

    use super::*;

    fn secret(name: &str, tenant: Option<&str>, version: &str) -> PartialObjectMeta<Secret> {
        let mut object =
            json!({"metadata": {"namespace": "n", "name": name, "resourceVersion": version}});
        if let Some(tenant) = tenant {
            object["metadata"]["labels"] = json!({ TENANT_LABEL: tenant });
        }
        serde_json::from_value(object).unwrap()
    }

    fn list(known: &mut Labelled, secrets: &[PartialObjectMeta<Secret>]) -> Vec<String> {
        let mut about = known.hear::<Secret>(Event::Init);
        for secret in secrets {
            about.extend(known.hear(Event::InitApply(secret.clone())));
        }
        about.extend(known.hear::<Secret>(Event::InitDone));
        about.into_iter().collect()
    }

    #[test]
    fn only_what_is_different_in_a_later_list_is_news() {
        let mut known = Labelled::new(content);
        let (a, b) = (
            secret("a", Some("shop"), "1"),
            secret("b", Some("bank"), "1"),
        );
        assert!(list(&mut known, &[a.clone(), b.clone()]).is_empty());
        assert!(list(&mut known, &[a.clone(), b]).is_empty());
        assert_eq!(
            list(&mut known, std::slice::from_ref(&a)),
            ["bank"],
            "it is gone"
        );
        assert_eq!(
            list(&mut known, &[a, secret("c", Some("gym"), "1")]),
            ["gym"]
        );
    }

    #[test]
    fn a_change_is_about_whose_it_was_and_whose_it_is() {
        let mut known = Labelled::new(content);
        list(&mut known, &[secret("a", Some("shop"), "1")]);
        let mut heard = |event| known.hear::<Secret>(event).into_iter().collect::<Vec<_>>();
        assert_eq!(heard(Event::Apply(secret("a", Some("shop"), "1"))), [""; 0]);
        assert_eq!(
            heard(Event::Apply(secret("a", Some("shop"), "2"))),
            ["shop"]
        );
        assert_eq!(
            heard(Event::Apply(secret("a", Some("bank"), "3"))),
            ["bank", "shop"]
        );
        // A label taken away is told as a deletion, by an object that may not have it any more.
        assert_eq!(heard(Event::Delete(secret("a", None, "4"))), ["bank"]);
        assert_eq!(heard(Event::Delete(secret("a", None, "4"))), [""; 0]);
    }
}
