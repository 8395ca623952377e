//! A broker whose writes may be spoiled.

use std::sync::Arc;

use async_trait::async_trait;
use sendry_domain::routing::QueueName;
use sendry_queue::topology::{
    Category, Observed, Reading, Removal, Repair, TopologyBroker, TopologyError, fake::FakeBroker,
};

use crate::crash::{Fault, Saboteur, Spoiled};

pub struct Spoiling {
    pub saboteur: Saboteur,
    pub inner: Arc<FakeBroker>,
}

fn failed(spoiled: Spoiled) -> TopologyError {
    let category = match spoiled.fault {
        Some(Fault::Answer(500)) => Category::Broken,
        Some(Fault::Answer(_)) => Category::Invalid,
        _ => Category::Unreachable,
    };
    TopologyError {
        category,
        doing: "spoil a call".to_owned(),
        seen: spoiled.to_string(),
        advice: "go on".to_owned(),
        source: None,
    }
}

#[async_trait]
impl TopologyBroker for Spoiling {
    async fn observe(&self, reading: Reading) -> Result<Observed, TopologyError> {
        self.saboteur
            .read(self.inner.observe(reading), failed)
            .await
    }

    async fn held(&self, queue: &QueueName) -> Result<Option<u64>, TopologyError> {
        self.saboteur.read(self.inner.held(queue), failed).await
    }

    async fn apply(&self, repair: &Repair) -> Result<(), TopologyError> {
        let what = format!("broker: {repair}");
        self.saboteur
            .write(what, self.inner.apply(repair), failed)
            .await
    }

    async fn apply_removal(&self, removal: &Removal) -> Result<(), TopologyError> {
        let what = format!("broker: {removal}");
        self.saboteur
            .write(what, self.inner.apply_removal(removal), failed)
            .await
    }
}
