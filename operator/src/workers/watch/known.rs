//! What is known, and of whom there is something new. Without IO.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Resource,
    core::{ObjectMeta, PartialObjectMeta},
    runtime::watcher::Event,
};
use sendry_crds::names;
use sendry_domain::id::{PipelineName, TenantId};

use super::Look;
use crate::workers::{
    availability::{DeploymentView, PodView, availability},
    build,
};

/// A tenant and its pipeline.
pub(super) type Whom = (TenantId, PipelineName);

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Known {
    deployments: Listed<Shown>,
    pods: Listed<PodView>,
    /// By kind: a mark of each object, which changes with it.
    others: BTreeMap<&'static str, Listed<u64>>,
    /// As it was told last.
    told: HashMap<Whom, Look>,
}

/// What matters of a Deployment.
#[derive(Debug, PartialEq)]
struct Shown {
    view: DeploymentView,
    /// Changes with its spec, its labels and annotations.
    mark: u64,
}

impl Shown {
    /// Whether somebody changed, made or took away the Deployment itself.
    fn touched(before: Option<&Self>, after: Option<&Self>) -> bool {
        before.map(|shown| shown.mark) != after.map(|shown| shown.mark)
    }
}

/// Of whom something is new, and whether in any case.
type About = BTreeMap<Whom, bool>;

/// Objects of one kind.
#[derive(Debug)]
struct Listed<T> {
    known: HashMap<String, (Whom, T)>,
    names: HashMap<Whom, BTreeSet<String>>,
    /// Names in the list that is being read.
    listing: Option<HashSet<String>>,
    complete: bool,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            names: HashMap::new(),
            listing: None,
            complete: false,
        }
    }
}

impl<T: PartialEq> Listed<T> {
    /// Takes an event in. Returns whose objects are another than before.
    fn hear<K: Resource>(
        &mut self,
        event: Event<K>,
        view: impl Fn(&K) -> T,
        touched: impl Fn(Option<&T>, Option<&T>) -> bool,
    ) -> About {
        let mut about = About::new();
        let name = |object: &K| object.meta().name.clone().unwrap_or_default();
        let seen = |object: &K| whom(object.meta()).map(|whom| (whom, view(object)));
        match event {
            Event::Init => self.listing = Some(HashSet::new()),
            Event::InitApply(object) => {
                if let Some(listing) = &mut self.listing {
                    listing.insert(name(&object));
                }
                self.is_now(name(&object), seen(&object), &touched, &mut about);
            }
            Event::Apply(object) => {
                self.is_now(name(&object), seen(&object), &touched, &mut about);
            }
            Event::Delete(object) => self.is_now(name(&object), None, &touched, &mut about),
            Event::InitDone => {
                let listing = self.listing.take().unwrap_or_default();
                let gone = self.known.keys().filter(|name| !listing.contains(*name));
                for name in gone.cloned().collect::<Vec<_>>() {
                    self.is_now(name, None, &touched, &mut about);
                }
                self.complete = true;
            }
        }
        about
    }

    /// `None` = it is gone, or its labels name nobody.
    fn is_now(
        &mut self,
        name: String,
        now: Option<(Whom, T)>,
        touched: &impl Fn(Option<&T>, Option<&T>) -> bool,
        about: &mut About,
    ) {
        let before = self.known.remove(&name);
        if before != now {
            let of = |seen: &Option<(Whom, T)>| seen.as_ref().map(|(whom, _)| whom.clone());
            let anyway = touched(
                before.as_ref().map(|(_, value)| value),
                now.as_ref().map(|(_, value)| value),
            );
            let (was, is) = (of(&before), of(&now));
            about.extend(was.iter().chain(&is).map(|whom| (whom.clone(), anyway)));
            if let Some(was) = was
                && let Some(names) = self.names.get_mut(&was)
            {
                names.remove(&name);
                if names.is_empty() {
                    self.names.remove(&was);
                }
            }
            if let Some(is) = is {
                self.names.entry(is).or_default().insert(name.clone());
            }
        }
        if let Some(now) = now {
            self.known.insert(name, now);
        }
    }

    /// All of one pipeline.
    fn of(&self, whom: &Whom) -> impl Iterator<Item = &T> {
        let names = self.names.get(whom).into_iter().flatten();
        names.filter_map(|name| self.known.get(name).map(|(_, value)| value))
    }
}

impl Known {
    pub(super) fn is_complete(&self) -> bool {
        self.deployments.complete && self.pods.complete
    }

    pub(super) fn deployment(&mut self, event: Event<Deployment>) -> Vec<Whom> {
        let before = self.is_complete();
        let view = |deployment: &Deployment| Shown {
            view: DeploymentView::of(deployment),
            mark: mark(deployment.meta()),
        };
        let about = self.deployments.hear(event, view, Shown::touched);
        self.news(before, about)
    }

    pub(super) fn pod(&mut self, event: Event<Pod>) -> Vec<Whom> {
        let before = self.is_complete();
        let about = self.pods.hear(event, PodView::of, |_, _| false);
        self.news(before, about)
    }

    /// The first list is about nobody: who needs the objects looks at them in a pass, which is ahead of everybody.
    pub(super) fn other<K: Resource>(
        &mut self,
        kind: &'static str,
        event: Event<PartialObjectMeta<K>>,
    ) -> Vec<Whom> {
        let listed = self.others.entry(kind).or_default();
        let complete = listed.complete;
        let about = listed.hear(event, |object| content(&object.metadata), |_, _| true);
        if complete {
            about.into_keys().collect()
        } else {
            Vec::new()
        }
    }

    pub(super) fn look(&self, whom: &Whom) -> Option<Look> {
        let name = build::name(&whom.0, &whom.1);
        // Another's of these labels is no worker of ours.
        let (of, shown) = self.deployments.known.get(&name)?;
        if of != whom {
            return None;
        }
        let pods: Vec<_> = self.pods.of(whom).collect();
        Some(Look {
            deployment: name,
            uid: shown.view.uid.clone(),
            wanted: shown.view.wanted,
            there: shown.view.there,
            ready: shown.view.ready,
            available: availability(&shown.view, &pods),
        })
    }

    /// Of whom something else is to be said than was, or anyway. The moment that everything is known is news to all.
    fn news(&mut self, was_complete: bool, about: About) -> Vec<Whom> {
        if !self.is_complete() {
            return Vec::new();
        }
        let about = if was_complete {
            about
        } else {
            let all = self.deployments.names.keys();
            all.map(|whom| (whom.clone(), true)).collect()
        };
        let mut news = Vec::new();
        for (whom, anyway) in about {
            let now = self.look(&whom);
            let before = match now.clone() {
                Some(now) => self.told.insert(whom.clone(), now),
                None => self.told.remove(&whom),
            };
            if before != now || anyway {
                news.push(whom);
            }
        }
        news
    }
}

fn whom(meta: &ObjectMeta) -> Option<Whom> {
    let labels = meta.labels.as_ref()?;
    let tenant = TenantId::new(labels.get(names::TENANT_LABEL)?).ok()?;
    let pipeline = PipelineName::new(labels.get(names::PIPELINE_LABEL)?).ok()?;
    Some((tenant, pipeline))
}

/// What people and other programs change: not what is written into a status.
fn mark(meta: &ObjectMeta) -> u64 {
    hash(&(
        &meta.uid,
        meta.generation,
        meta.deletion_timestamp.as_ref().map(|at| at.0),
        &meta.labels,
        meta.annotations
            .as_ref()
            .and_then(|notes| notes.get(names::APPLIED_ANNOTATION)),
    ))
}

/// Everything.
fn content(meta: &ObjectMeta) -> u64 {
    // A budget's status is written whenever a pod comes or goes; its spec has a generation.
    match meta.generation {
        Some(_) => mark(meta),
        None => hash(&(&meta.uid, &meta.resource_version)),
    }
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
