//! What a watch has told of one kind: each object by its key, and what a further event changes in that.
//!
//! Whoever asks a watch again gets a list first. What stands in it as it stood before is no change; what was known and is
//! not in it is gone, which no event tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt, core::DeserializeGuard, runtime::watcher::Event};
use serde::de::DeserializeOwned;

use super::labelled;

/// The key of an object: its name, after its namespace where it has one.
#[must_use]
pub fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn key_of<K: Resource>(object: &K) -> String {
    match object.namespace() {
        Some(namespace) => key(&namespace, &object.name_any()),
        None => object.name_any(),
    }
}

/// Where the object of a key is; empty for what is in no namespace.
pub(super) fn namespace_of(key: &str) -> &str {
    key.split_once('/').map_or("", |(namespace, _)| namespace)
}

/// Everything known of a kind, as values of `V`.
#[derive(Debug)]
pub(super) struct Known<V> {
    entries: BTreeMap<String, Entry<V>>,
    /// Keys in the list that is being read.
    listing: Option<BTreeSet<String>>,
    synced: bool,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    /// What has to differ for it to count as changed.
    mark: u64,
}

/// Of one object.
#[derive(Debug)]
pub(super) struct Change<V> {
    pub key: String,
    pub before: Option<V>,
    /// `None` = it is gone.
    pub now: Option<V>,
}

impl<V> Default for Known<V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            listing: None,
            synced: false,
        }
    }
}

impl<V: Clone> Known<V> {
    /// Whether everything is known that was there when the watch began.
    pub fn synced(&self) -> bool {
        self.synced
    }

    pub fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Takes an event in. `read` makes a mark and a value of an object; `None` = it does not concern us.
    pub fn hear<K: Resource>(
        &mut self,
        event: Event<K>,
        read: impl Fn(K) -> Option<(u64, V)>,
    ) -> Vec<Change<V>> {
        match event {
            Event::Init => {
                self.listing = Some(BTreeSet::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                let key = key_of(&object);
                if let Some(listing) = &mut self.listing {
                    listing.insert(key.clone());
                }
                Vec::from_iter(self.apply(key, read(object)))
            }
            Event::Apply(object) => Vec::from_iter(self.apply(key_of(&object), read(object))),
            Event::Delete(object) => Vec::from_iter(self.remove(key_of(&object))),
            Event::InitDone => {
                self.synced = true;
                let listing = self.listing.take().unwrap_or_default();
                let gone = self.entries.keys().filter(|key| !listing.contains(*key));
                let gone: Vec<String> = gone.cloned().collect();
                gone.into_iter()
                    .filter_map(|key| self.remove(key))
                    .collect()
            }
        }
    }

    fn apply(&mut self, key: String, read: Option<(u64, V)>) -> Option<Change<V>> {
        let (mark, value) = read?;
        let now = Some(value.clone());
        let before = self.entries.insert(key.clone(), Entry { value, mark });
        let changed = before.as_ref().is_none_or(|before| before.mark != mark);
        changed.then(|| Change {
            key,
            before: before.map(|entry| entry.value),
            now,
        })
    }

    fn remove(&mut self, key: String) -> Option<Change<V>> {
        let before = Some(self.entries.remove(&key)?.value);
        let now = None;
        Some(Change { key, before, now })
    }
}

/// An object, or why it cannot be read.
pub(super) type Readable<K> = Result<Arc<K>, Arc<Unreadable>>;

/// An object that cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub about: ObjectReference,
    pub error: String,
}

/// Reads an object of ours: all that people say in it counts, and nothing of its status.
pub(super) fn read<K>(object: DeserializeGuard<K>) -> Option<(u64, Readable<K>)>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let mark = labelled::metadata(object.meta());
    let value = match object.0 {
        Ok(mut object) => {
            // Half of an object's bytes, and of no use to us.
            object.meta_mut().managed_fields = None;
            Ok(Arc::new(object))
        }
        Err(invalid) => {
            let about = ObjectReference {
                api_version: Some(K::api_version(&()).into_owned()),
                kind: Some(K::kind(&()).into_owned()),
                name: invalid.metadata.name,
                namespace: invalid.metadata.namespace,
                uid: invalid.metadata.uid,
                resource_version: invalid.metadata.resource_version,
                ..ObjectReference::default()
            };
            let error = invalid.error;
            Err(Arc::new(Unreadable { about, error }))
        }
    };
    Some((mark, value))
}

impl<K> Known<Readable<K>> {
    /// Those that can be read.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &Arc<K>)> {
        self.entries
            .iter()
            .filter_map(|(key, entry)| Some((key.as_str(), entry.value.as_ref().ok()?)))
    }

    /// How many can be read, and how many cannot.
    pub fn counts(&self) -> (i64, i64) {
        let readable = self.readable().count();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        (count(readable), count(self.entries.len() - readable))
    }
}

impl<K> Change<Readable<K>> {
    /// The object as it was, where it could be read.
    pub fn former(&self) -> Option<&Arc<K>> {
        self.before.as_ref()?.as_ref().ok()
    }

    /// The object as it is, where it can be.
    pub fn current(&self) -> Option<&Arc<K>> {
        self.now.as_ref()?.as_ref().ok()
    }

    /// Why it cannot be read any more, or at all.
    pub fn unreadable(&self) -> Option<&Arc<Unreadable>> {
        self.now.as_ref()?.as_ref().err()
    }
}
