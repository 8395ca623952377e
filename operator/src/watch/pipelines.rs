//! The pipelines that can be read, as far as they are known.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use kube::{ResourceExt, core::DeserializeGuard, runtime::watcher::Event};
use sendry_crds::SendryPipeline;

use super::{
    Tenants,
    known::{Known, Readable, Unreadable, namespace_of, read},
};
use crate::settings::WATCH_FILTER_LABEL;

type Cache = Known<Readable<SendryPipeline>>;

/// The cache. Clones are the same cache.
///
/// It may lag behind and it may lack what is there, so nothing is deleted because it is not in it.
#[derive(Clone, Debug, Default)]
pub struct Pipelines {
    cache: Arc<RwLock<Cache>>,
}

/// What an event means.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Changed, new or gone; and those beside one that claims something else now: which of them has a pattern may be another.
    pub changed: BTreeSet<String>,
    /// Found by the first list.
    pub listed: Vec<String>,
    /// The namespaces of those that changed.
    pub namespaces: BTreeSet<String>,
    /// Cannot be read, and was not known to be so.
    pub unreadable: Vec<Arc<Unreadable>>,
}

impl Pipelines {
    /// One of them.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<SendryPipeline>> {
        self.lock().get(key)?.as_ref().ok().cloned()
    }

    /// All of a namespace that can be read; none before all of them are known, since who decides among them has to know
    /// all.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Vec<Arc<SendryPipeline>> {
        let cache = self.lock();
        let there = cache
            .readable()
            .filter(|(key, _)| namespace_of(key) == namespace);
        let there = there.map(|(_, pipeline)| pipeline.clone());
        if cache.synced() {
            there.collect()
        } else {
            Vec::new()
        }
    }

    /// Whether all of them are known that were there when the watch began.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.lock().synced()
    }

    /// The keys of all that can be read and that are ours to care for.
    #[must_use]
    pub fn keys(&self, ours: &Ours) -> Vec<String> {
        let cache = self.lock();
        let ours = cache.readable().filter(|(_, pipeline)| ours.is(pipeline));
        ours.map(|(key, _)| key.to_owned()).collect()
    }

    /// How many can be read, and how many cannot.
    pub(super) fn counts(&self) -> (i64, i64) {
        self.lock().counts()
    }

    /// Takes an event in.
    pub(crate) fn hear(&self, event: Event<DeserializeGuard<SendryPipeline>>) -> Heard {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        let was_synced = cache.synced();
        let (mut heard, mut beside) = (Heard::default(), BTreeSet::new());
        for change in cache.hear(event, read) {
            if let Some(unreadable) = change.unreadable() {
                tracing::warn!(pipeline.key = %change.key, error = %unreadable.error, "failed to read a pipeline, leaving it as it is");
                heard.unreadable.push(unreadable.clone());
            }
            let namespace = namespace_of(&change.key).to_owned();
            // One that is new, gone or unreadable is judged anew by everybody.
            let same = match (change.former(), change.current()) {
                (Some(old), Some(new)) => claim(old) == claim(new),
                _ => false,
            };
            if !same {
                beside.insert(namespace.clone());
            }
            heard.namespaces.insert(namespace);
            if change.unreadable().is_none() {
                heard.changed.insert(change.key);
            }
        }
        let beside = cache
            .readable()
            .filter(|(key, _)| beside.contains(namespace_of(key)));
        heard.changed.extend(beside.map(|(key, _)| key.to_owned()));
        if !was_synced {
            heard.changed.clear();
            heard.namespaces.clear();
            if cache.synced() {
                heard.listed = cache.readable().map(|(key, _)| key.to_owned()).collect();
            }
        }
        heard
    }

    fn lock(&self) -> RwLockReadGuard<'_, Cache> {
        // Nothing under the lock panics half way.
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the others of its namespace are judged by: what it claims, and whether it can be read at all. Labels, annotations,
/// finalizers and numbers of workers, which programs change, are not among it.
fn claim(pipeline: &SendryPipeline) -> impl PartialEq {
    let (metadata, spec) = (&pipeline.metadata, &pipeline.spec);
    (
        (metadata.uid.clone(), metadata.deletion_timestamp.is_some()),
        (spec.services.clone(), spec.environments.clone()),
        (spec.queue.clone(), spec.worker.clone()),
        spec.deletion_policy,
    )
}

/// Which pipelines are ours, where several operators share a cluster: those of our tenants, and those that carry our label
/// themselves.
#[derive(Clone, Debug)]
pub struct Ours {
    /// Only tenants whose label has this value; `None` = all.
    pub filter: Option<String>,
    /// Our tenants.
    pub tenants: Tenants,
}

impl Ours {
    /// Whether it is.
    #[must_use]
    pub fn is(&self, pipeline: &SendryPipeline) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        pipeline.labels().get(WATCH_FILTER_LABEL) == Some(filter)
            || self.tenants.name(&pipeline.namespace().unwrap_or_default())
    }

    /// Whether a pass of this key is ours to make: of one that is gone, too, where it may have been.
    pub(super) fn may(&self, key: &str, pipelines: &Pipelines) -> bool {
        match pipelines.get(key) {
            Some(pipeline) => self.is(&pipeline),
            None => self.filter.is_none() || self.tenants.name(namespace_of(key)),
        }
    }
}

#[cfg(test)]
mod tests;
