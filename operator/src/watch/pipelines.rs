//! The pipelines that can be read, as far as they are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt, core::DeserializeGuard, runtime::watcher::Event};
use sendry_crds::SendryPipeline;

use super::{Tenants, labelled, tenants::Unreadable};
use crate::settings::WATCH_FILTER_LABEL;

/// The cache. Clones are the same cache.
///
/// It may lag behind and it may lack what is there, so nothing is deleted because it is not in it.
#[derive(Clone, Debug, Default)]
pub struct Pipelines {
    cache: Arc<RwLock<Cache>>,
}

#[derive(Debug, Default)]
struct Cache {
    known: BTreeMap<String, Known>,
    /// Keys in the list that is being read.
    listing: Option<BTreeSet<String>>,
    /// Every one is known that was there when the watch began.
    synced: bool,
}

#[derive(Debug)]
struct Known {
    namespace: String,
    /// `None` = it cannot be read.
    pipeline: Option<Arc<SendryPipeline>>,
    /// What matters of its metadata.
    mark: u64,
}

/// What an event means.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Changed, new or gone, and those beside it: which of them has a pattern may be another one now.
    pub changed: BTreeSet<String>,
    /// Found by the first list.
    pub listed: Vec<String>,
    /// The namespaces of those that changed.
    pub namespaces: BTreeSet<String>,
    /// Cannot be read, and was not known to be so.
    pub unreadable: Vec<Unreadable>,
}

/// The name under which a pipeline is worked on.
#[must_use]
pub fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn key_of(object: &impl ResourceExt) -> String {
    key(&object.namespace().unwrap_or_default(), &object.name_any())
}

impl Pipelines {
    /// One of them.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<SendryPipeline>> {
        self.lock().known.get(key)?.pipeline.clone()
    }

    /// All of a namespace that can be read; none before all of them are known, since who decides among them has to know
    /// all.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Vec<Arc<SendryPipeline>> {
        let cache = self.lock();
        let there = cache.known.values().filter(|k| k.namespace == namespace);
        let readable = there.filter_map(|known| known.pipeline.clone());
        if cache.synced {
            readable.collect()
        } else {
            Vec::new()
        }
    }

    /// Whether it is there, whether it can be read or not.
    #[must_use]
    pub fn knows(&self, key: &str) -> bool {
        self.lock().known.contains_key(key)
    }

    /// Whether all of them are known that were there when the watch began.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.lock().synced
    }

    /// The keys of all that can be read and that are ours to care for.
    #[must_use]
    pub fn keys(&self, ours: &Ours) -> Vec<String> {
        let cache = self.lock();
        let known = cache.known.iter();
        let ours = known.filter(|(_, known)| known.pipeline.as_ref().is_some_and(|p| ours.is(p)));
        ours.map(|(key, _)| key.clone()).collect()
    }

    /// How many can be read, and how many cannot.
    pub(super) fn counts(&self) -> (i64, i64) {
        let cache = self.lock();
        let readable = cache
            .known
            .values()
            .filter(|k| k.pipeline.is_some())
            .count();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        (count(readable), count(cache.known.len() - readable))
    }

    /// Takes an event in.
    pub(super) fn hear(&self, event: Event<DeserializeGuard<SendryPipeline>>) -> Heard {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        let mut heard = Heard::default();
        let was_synced = cache.synced;
        match event {
            Event::Init => cache.listing = Some(BTreeSet::new()),
            Event::InitApply(object) => {
                if let Some(listing) = &mut cache.listing {
                    listing.insert(key_of(&object));
                }
                cache.apply(object, &mut heard);
            }
            Event::Apply(object) => cache.apply(object, &mut heard),
            Event::Delete(object) => cache.remove(&key_of(&object), &mut heard),
            Event::InitDone => {
                let listing = cache.listing.take().unwrap_or_default();
                let gone = cache.known.keys().filter(|key| !listing.contains(*key));
                for key in gone.cloned().collect::<Vec<_>>() {
                    cache.remove(&key, &mut heard);
                }
                if !was_synced {
                    let readable = cache.known.iter().filter(|(_, k)| k.pipeline.is_some());
                    heard.listed = readable.map(|(key, _)| key.clone()).collect();
                }
                cache.synced = true;
            }
        }
        if !was_synced {
            heard.changed.clear();
            heard.namespaces.clear();
        }
        heard
    }

    fn lock(&self) -> RwLockReadGuard<'_, Cache> {
        // Nothing under the lock panics half way.
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn apply(&mut self, object: DeserializeGuard<SendryPipeline>, heard: &mut Heard) {
        let (key, namespace) = (key_of(&object), object.namespace().unwrap_or_default());
        let mark = labelled::metadata(object.meta());
        let changed = self.known.get(&key).is_none_or(|known| known.mark != mark);
        let pipeline = match object.0 {
            Ok(mut pipeline) => {
                // Half of an object's bytes, and of no use to us.
                pipeline.metadata.managed_fields = None;
                Some(Arc::new(pipeline))
            }
            Err(invalid) => {
                if changed {
                    tracing::warn!(pipeline.key = %key, error = %invalid.error, "failed to read a pipeline, leaving it as it is");
                    let about = ObjectReference {
                        api_version: Some(SendryPipeline::api_version(&()).into_owned()),
                        kind: Some(SendryPipeline::kind(&()).into_owned()),
                        name: invalid.metadata.name.clone(),
                        namespace: Some(namespace.clone()),
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
        let readable = pipeline.is_some();
        let known = Known {
            namespace: namespace.clone(),
            pipeline,
            mark,
        };
        self.known.insert(key.clone(), known);
        if changed {
            self.neighbours(&namespace, heard);
            if readable {
                heard.changed.insert(key);
            }
        }
    }

    fn remove(&mut self, key: &str, heard: &mut Heard) {
        if let Some(known) = self.known.remove(key) {
            heard.changed.insert(key.to_owned());
            self.neighbours(&known.namespace, heard);
        }
    }

    fn neighbours(&self, namespace: &str, heard: &mut Heard) {
        heard.namespaces.insert(namespace.to_owned());
        let there = |k: &Known| k.namespace == namespace && k.pipeline.is_some();
        let keys = self.known.iter().filter(|(_, known)| there(known));
        heard.changed.extend(keys.map(|(key, _)| key.clone()));
    }
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
            None => {
                let namespace = key.split('/').next().unwrap_or_default();
                self.filter.is_none() || self.tenants.name(namespace)
            }
        }
    }
}

#[cfg(test)]
mod tests;
