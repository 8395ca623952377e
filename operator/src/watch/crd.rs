//! Whether the kind is there at all: its CustomResourceDefinition may come later than we do, go, and come back.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, CustomResourceExt,
    core::{ObjectMeta, PartialObjectMeta},
    runtime::watcher::{self, Event, watcher},
};
use sendry_crds::SendryTenant;
use sendry_runtime::health::{Component, Health};
use tokio::sync::watch;

use super::{WATCH_SECONDS, follow::Follow};
use crate::metrics::OperatorMetrics;

/// What is known of it. Clones hear the same.
#[derive(Clone, Debug)]
pub struct Crd {
    state: watch::Receiver<State>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// Not looked yet.
    #[default]
    Unknown,
    Absent,
    Present {
        uid: String,
        deleting: bool,
    },
}

impl State {
    fn uid(&self) -> Option<&str> {
        match self {
            Self::Present { uid, .. } => Some(uid),
            Self::Unknown | Self::Absent => None,
        }
    }
}

impl Crd {
    /// Whether somebody deletes it right now, and all its objects with it. Retain what they stand for, at once.
    #[must_use]
    pub fn deleting(&self) -> bool {
        matches!(*self.state.borrow(), State::Present { deleting: true, .. })
    }

    /// Waits until it is there, and says so meanwhile; returns its uid.
    pub(crate) async fn present(&mut self, waiting: &Component) -> String {
        loop {
            let state = self.state.borrow_and_update().clone();
            match state {
                State::Present { uid, .. } => return uid,
                State::Unknown => waiting.not_ready("looking for the CustomResourceDefinition"),
                State::Absent => waiting.not_ready(missing()),
            }
            self.changed().await;
        }
    }

    /// Waits until it is gone, or another one has come in its place.
    pub(super) async fn is_another_than(&mut self, uid: &str) {
        while self.state.borrow_and_update().uid() == Some(uid) {
            self.changed().await;
        }
    }

    async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            // Nobody looks any more: we are about to be dropped.
            std::future::pending::<()>().await;
        }
    }
}

fn missing() -> String {
    format!(
        "the CustomResourceDefinition {} is not installed; waiting for it (`sendry-operator crd | kubectl apply -f -`)",
        SendryTenant::crd_name()
    )
}

/// Looks for it, as long as the process lives.
#[derive(Debug)]
pub struct CrdWatch {
    state: watch::Sender<State>,
}

impl Default for CrdWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl CrdWatch {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: watch::Sender::default(),
        }
    }

    /// To be told.
    #[must_use]
    pub fn crd(&self) -> Crd {
        Crd {
            state: self.state.subscribe(),
        }
    }

    /// Runs until dropped.
    pub async fn run(self, client: Client, health: &Health, metrics: OperatorMetrics) {
        let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(client);
        let name = SendryTenant::crd_name();
        let config = watcher::Config::default()
            .timeout(WATCH_SECONDS)
            .fields(&format!("metadata.name={name}"));
        let follow = Follow {
            kind: "customresourcedefinitions",
            component: health
                .component("customresourcedefinitions")
                .informational(),
            metrics,
        };
        let mut listed = State::Absent;
        let hear = |event: Event<PartialObjectMeta<CustomResourceDefinition>>| match event {
            Event::Init => listed = State::Absent,
            Event::InitApply(object) => listed = present(object.metadata),
            Event::InitDone => self.set(listed.clone()),
            Event::Apply(object) => self.set(present(object.metadata)),
            Event::Delete(_) => self.set(State::Absent),
        };
        follow
            .run(|| watcher(api.clone(), config.clone()), hear)
            .await;
    }

    fn set(&self, state: State) {
        self.state.send_if_modified(|was| {
            let changed = *was != state;
            *was = state;
            changed
        });
    }
}

fn present(meta: ObjectMeta) -> State {
    State::Present {
        deleting: meta.deletion_timestamp.is_some(),
        uid: meta.uid.unwrap_or_default(),
    }
}
