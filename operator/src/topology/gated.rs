//! The broker in front of a leader: read by all, written by who leads.

use async_trait::async_trait;
use sendry_domain::routing::QueueName;
use sendry_queue::topology::{
    Category, Observed, Reading, Removal, Repair, TopologyBroker, TopologyError,
};

/// A broker that takes no writes of a former leader, which may have been frozen in the middle of a pass.
pub struct Gated<'a> {
    /// The real one.
    pub broker: &'a dyn TopologyBroker,
    /// Whether we may write.
    pub holds: &'a (dyn Fn() -> bool + Send + Sync),
}

impl Gated<'_> {
    fn check(&self, doing: String) -> Result<(), TopologyError> {
        if (self.holds)() {
            return Ok(());
        }
        Err(TopologyError {
            // Whatever is asked next is refused, too.
            category: Category::Unauthorized,
            doing,
            seen: "this operator leads no more".to_owned(),
            advice: "the one that leads goes on".to_owned(),
            source: None,
        })
    }
}

#[async_trait]
impl TopologyBroker for Gated<'_> {
    async fn observe(&self, reading: Reading) -> Result<Observed, TopologyError> {
        self.broker.observe(reading).await
    }

    async fn held(&self, queue: &QueueName) -> Result<Option<u64>, TopologyError> {
        self.broker.held(queue).await
    }

    async fn apply(&self, repair: &Repair) -> Result<(), TopologyError> {
        self.check(repair.to_string())?;
        self.broker.apply(repair).await
    }

    async fn apply_removal(&self, removal: &Removal) -> Result<(), TopologyError> {
        self.check("erase a tenant's queues".to_owned())?;
        self.broker.apply_removal(removal).await
    }
}
