//! The tenants that can be read, as far as they are known.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use kube::{core::DeserializeGuard, runtime::watcher::Event};
use sendry_crds::SendryTenant;
use tokio::sync::watch;

use super::known::{Known, Readable, Unreadable, read};

type Cache = Known<Readable<SendryTenant>>;

/// The cache. Clones are the same cache.
///
/// It may lag behind and it may lack what is there, so nothing is deleted because it is not in it.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    cache: Arc<RwLock<Cache>>,
    synced: Arc<watch::Sender<bool>>,
}

/// What an event means.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Changed, new or gone, and those that name the same namespace.
    pub changed: BTreeSet<String>,
    /// The namespaces that those name, or named before.
    pub namespaces: BTreeSet<String>,
    /// Found by the first list.
    pub listed: Vec<String>,
    /// Cannot be read, and was not known to be so.
    pub unreadable: Vec<Arc<Unreadable>>,
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
        cache.readable().map(|(_, tenant)| tenant.clone()).collect()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<SendryTenant>> {
        self.lock().get(name)?.as_ref().ok().cloned()
    }

    /// Whether there is one of that name that can be read.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(Result::is_ok)
    }

    /// Whether one of them names this namespace.
    #[must_use]
    pub fn name(&self, namespace: &str) -> bool {
        let cache = self.lock();
        let mut tenants = cache.readable();
        tenants.any(|(_, tenant)| tenant.spec.namespace == namespace)
    }

    /// The names of all that can be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let cache = self.lock();
        cache.readable().map(|(name, _)| name.to_owned()).collect()
    }

    /// How many can be read, and how many cannot.
    pub(super) fn counts(&self) -> (i64, i64) {
        self.lock().counts()
    }

    /// Takes an event in.
    pub(crate) fn hear(&self, event: Event<DeserializeGuard<SendryTenant>>) -> Heard {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        let was_synced = cache.synced();
        let mut heard = Heard::default();
        for change in cache.hear(event, read) {
            if let Some(unreadable) = change.unreadable() {
                tracing::warn!(tenant.id = %change.key, error = %unreadable.error, "failed to read a tenant, leaving it as it is");
                heard.unreadable.push(unreadable.clone());
            }
            // Of two that name one namespace, one may have to step in, or back, when the other changes.
            for tenant in [change.former(), change.current()].into_iter().flatten() {
                heard.namespaces.insert(tenant.spec.namespace.clone());
            }
            if change.now.is_none() || change.current().is_some() {
                heard.changed.insert(change.key);
            }
        }
        let named = cache
            .readable()
            .filter(|(_, tenant)| heard.namespaces.contains(&tenant.spec.namespace));
        heard.changed.extend(named.map(|(name, _)| name.to_owned()));
        let synced = cache.synced();
        if !was_synced && synced {
            heard.listed = cache.readable().map(|(name, _)| name.to_owned()).collect();
            let named = cache.readable();
            heard.namespaces = named
                .map(|(_, tenant)| tenant.spec.namespace.clone())
                .collect();
        }
        drop(cache);
        if !was_synced {
            // Who decides among tenants has to know all of them first.
            heard.changed.clear();
            self.synced.send_replace(synced);
        }
        heard
    }

    fn lock(&self) -> RwLockReadGuard<'_, Cache> {
        // Nothing under the lock panics half way.
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
