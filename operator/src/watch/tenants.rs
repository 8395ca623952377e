//! The tenants that can be read, as far as they are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt, core::DeserializeGuard, runtime::watcher::Event};
use sendry_crds::SendryTenant;
use tokio::sync::watch;

use super::labelled;

/// The cache. Clones are the same cache.
///
/// It may lag behind and it may lack what is there, so nothing is deleted because it is not in it.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    cache: Arc<RwLock<Cache>>,
    synced: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
struct Cache {
    known: BTreeMap<String, Known>,
    /// Names in the list that is being read.
    listing: Option<BTreeSet<String>>,
}

#[derive(Debug)]
struct Known {
    /// `None` = it cannot be read.
    tenant: Option<Arc<SendryTenant>>,
    /// What matters of its metadata.
    mark: u64,
}

/// What an event means.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Changed, new or gone.
    pub changed: BTreeSet<String>,
    /// The namespaces that those name, or named before.
    pub namespaces: BTreeSet<String>,
    /// Found by the first list.
    pub listed: Vec<String>,
    /// Cannot be read, and was not known to be so.
    pub unreadable: Vec<Unreadable>,
}

/// An object that cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub about: ObjectReference,
    pub error: String,
}

impl Tenants {
    /// Waits until every tenant is known that was there when the watch began.
    pub async fn synced(&self) {
        // The sender lives as long as we do, so the wait ends by success only.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// All that can be read, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<SendryTenant>> {
        let cache = self.lock();
        cache
            .known
            .values()
            .filter_map(|known| known.tenant.clone())
            .collect()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<SendryTenant>> {
        self.lock().known.get(name)?.tenant.clone()
    }

    /// Whether there is one of that name that can be read.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.lock()
            .known
            .get(name)
            .is_some_and(|known| known.tenant.is_some())
    }

    /// Whether one of them names this namespace.
    #[must_use]
    pub fn name(&self, namespace: &str) -> bool {
        let cache = self.lock();
        let mut tenants = cache.known.values().filter_map(|k| k.tenant.as_ref());
        tenants.any(|tenant| tenant.spec.namespace == namespace)
    }

    /// The names of all that can be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let cache = self.lock();
        let readable = cache
            .known
            .iter()
            .filter(|(_, known)| known.tenant.is_some());
        readable.map(|(name, _)| name.clone()).collect()
    }

    /// How many can be read, and how many cannot.
    pub(super) fn counts(&self) -> (i64, i64) {
        let cache = self.lock();
        let readable = cache
            .known
            .values()
            .filter(|known| known.tenant.is_some())
            .count();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        (count(readable), count(cache.known.len() - readable))
    }

    /// Takes an event in.
    pub(crate) fn hear(&self, event: Event<DeserializeGuard<SendryTenant>>) -> Heard {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        let synced = *self.synced.borrow();
        let listed = matches!(event, Event::InitDone);
        let mut heard = Heard::default();
        match event {
            Event::Init => cache.listing = Some(BTreeSet::new()),
            Event::InitApply(object) => {
                if let Some(listing) = &mut cache.listing {
                    listing.insert(object.name_any());
                }
                cache.apply(object, &mut heard);
            }
            Event::Apply(object) => cache.apply(object, &mut heard),
            Event::Delete(object) => cache.remove(&object.name_any(), &mut heard),
            Event::InitDone => {
                let listing = cache.listing.take().unwrap_or_default();
                let gone = cache.known.keys().filter(|name| !listing.contains(*name));
                for name in gone.cloned().collect::<Vec<_>>() {
                    cache.remove(&name, &mut heard);
                }
                if !synced {
                    let readable = cache
                        .known
                        .iter()
                        .filter(|(_, known)| known.tenant.is_some());
                    heard.listed = readable.map(|(name, _)| name.clone()).collect();
                    let named = cache.known.values().filter_map(|k| k.tenant.as_ref());
                    heard.namespaces = named.map(|tenant| tenant.spec.namespace.clone()).collect();
                }
            }
        }
        drop(cache);
        if !synced {
            // Who decides among tenants has to know all of them first.
            heard.changed.clear();
            self.synced.send_replace(listed);
        }
        heard
    }

    fn lock(&self) -> RwLockReadGuard<'_, Cache> {
        // Nothing under the lock panics half way.
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn apply(&mut self, object: DeserializeGuard<SendryTenant>, heard: &mut Heard) {
        let name = object.name_any();
        let mark = labelled::metadata(object.meta());
        let changed = self.known.get(&name).is_none_or(|known| known.mark != mark);
        let tenant = match object.0 {
            Ok(mut tenant) => {
                // Half of an object's bytes, and of no use to us.
                tenant.metadata.managed_fields = None;
                Some(Arc::new(tenant))
            }
            Err(invalid) => {
                if changed {
                    tracing::warn!(tenant.id = %name, error = %invalid.error, "failed to read a tenant, leaving it as it is");
                    let about = ObjectReference {
                        api_version: Some(SendryTenant::api_version(&()).into_owned()),
                        kind: Some(SendryTenant::kind(&()).into_owned()),
                        name: Some(name.clone()),
                        uid: invalid.metadata.uid,
                        resource_version: invalid.metadata.resource_version,
                        ..ObjectReference::default()
                    };
                    let error = invalid.error;
                    heard.unreadable.push(Unreadable { about, error });
                }
                None
            }
        };
        let known = Known { tenant, mark };
        let readable = known.tenant.is_some();
        let before = self.known.insert(name.clone(), known);
        if changed {
            // Of two that name one namespace, one may have to step in, or back, when the other changes.
            self.siblings(&name, heard);
            if let Some(before) = before.and_then(|before| before.tenant) {
                self.neighbours(&before.spec.namespace, heard);
            }
            if readable {
                heard.changed.insert(name);
            }
        }
    }

    fn remove(&mut self, name: &str, heard: &mut Heard) {
        self.siblings(name, heard);
        if self.known.remove(name).is_some() {
            heard.changed.insert(name.to_owned());
        }
    }

    fn siblings(&self, name: &str, heard: &mut Heard) {
        if let Some(Known {
            tenant: Some(tenant),
            ..
        }) = self.known.get(name)
        {
            self.neighbours(&tenant.spec.namespace, heard);
        }
    }

    /// All that name this namespace.
    fn neighbours(&self, namespace: &str, heard: &mut Heard) {
        heard.namespaces.insert(namespace.to_owned());
        let there = |known: &Known| {
            let tenant = known.tenant.as_ref();
            tenant.is_some_and(|tenant| tenant.spec.namespace == namespace)
        };
        let names = self.known.iter().filter(|(_, known)| there(known));
        heard.changed.extend(names.map(|(name, _)| name.clone()));
    }
}

#[cfg(test)]
mod tests;
