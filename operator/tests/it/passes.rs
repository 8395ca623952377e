//! Passes that are counted, in the place of the real ones.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use sendry_operator::{
    controller::{Next, Reconcile},
    error::Failure,
    run::{Assemble, Assembly},
};
use serde_json::json;

/// Passes by operator and name. Clones are the same.
#[derive(Clone, Default)]
pub struct Passes {
    done: Arc<Mutex<BTreeMap<(String, String), u32>>>,
    slow: Option<Duration>,
}

impl Passes {
    /// That take so long and then write.
    pub fn slow(slow: Duration) -> Self {
        Self {
            slow: Some(slow),
            ..Self::default()
        }
    }

    /// How many passes of `name` there were.
    pub fn of(&self, name: &str) -> u32 {
        let done = self.done.lock().unwrap();
        done.iter()
            .filter(|((_, of), _)| of == name)
            .map(|(_, count)| count)
            .sum()
    }

    /// Who made passes of `name`.
    pub fn by(&self, name: &str) -> Vec<String> {
        let done = self.done.lock().unwrap();
        done.keys()
            .filter(|(_, of)| of == name)
            .map(|(by, _)| by.clone())
            .collect()
    }

    /// How many there were in all.
    pub fn total(&self) -> u32 {
        self.done.lock().unwrap().values().sum()
    }

    /// For [`sendry_operator::run::Parts`].
    pub fn assemble(&self) -> Assemble {
        let passes = self.clone();
        Arc::new(move |duty| {
            Assembly::of(Arc::new(Counting {
                passes: passes.clone(),
                client: duty.context.client.clone(),
                namespace: duty.context.settings.namespace.clone(),
                identity: duty.context.settings.identity.clone(),
            }))
        })
    }
}

struct Counting {
    passes: Passes,
    client: Client,
    namespace: String,
    identity: String,
}

#[async_trait]
impl Reconcile for Counting {
    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        if let Some(slow) = self.passes.slow {
            tokio::time::sleep(slow).await;
            let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
            let data = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name},
                "data": {"by": self.identity},
            });
            let params = PatchParams::apply("it").force();
            let written = api.patch(name, &params, &Patch::Apply(data)).await;
            written.map_err(|error| Failure::kubernetes("write", error))?;
        }
        let key = (self.identity.clone(), name.to_owned());
        *self.passes.done.lock().unwrap().entry(key).or_default() += 1;
        Ok(Next::AtRest)
    }
}
