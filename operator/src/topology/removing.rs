//! A drained pipeline's queue goes.

use sendry_domain::routing::QueueName;
use sendry_queue::topology::{Reading, Removal, TopologyBroker, TopologyError, removal_of_queue};

use super::{Gated, Topology};

/// What became of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// Nothing of it is left.
    Gone,
    /// Something by its name is not ours, and stays.
    Left {
        /// What, and what to do.
        message: String,
    },
}

impl Topology {
    /// How many messages a queue held in all some seconds ago; `None`: it is not known.
    ///
    /// # Errors
    /// When the broker is away or refuses.
    pub async fn held(&self, queue: &QueueName) -> Result<Option<u64>, TopologyError> {
        self.0.broker.held(queue).await
    }

    /// Whether a queue of this name stands there that is not ours.
    ///
    /// # Errors
    /// When the broker is away or refuses.
    pub async fn is_foreign(&self, queue: &QueueName) -> Result<bool, TopologyError> {
        let observed = self.0.broker.observe(Reading::Queues).await?;
        let found = removal_of_queue(&self.0.settings.owner, queue, &observed);
        let name = queue.to_string();
        let stands = observed.queues.iter().any(|found| found.name == name);
        Ok(stands && !found.removals.contains(&Removal::Queue(name)))
    }

    /// Removes a queue with its user and its policy, if they are ours. Who asks holds the tenant's [`Self::turn`], does not
    /// want the queue any more, and has seen that it is empty and that nothing comes into it: a broker deletes a quorum
    /// queue whatever is in it. May be repeated.
    ///
    /// # Errors
    /// When the broker is away or refuses. Something may have been done.
    pub async fn remove(
        &self,
        holds: &(dyn Fn() -> bool + Send + Sync),
        queue: &QueueName,
    ) -> Result<Removed, TopologyError> {
        let broker = Gated {
            broker: self.0.broker.as_ref(),
            holds,
        };
        let observed = broker.observe(Reading::QueuesAndLogins).await?;
        let found = removal_of_queue(&self.0.settings.owner, queue, &observed);
        for removal in &found.removals {
            broker.apply_removal(removal).await?;
        }
        let left: Vec<String> = found.conflicts.iter().map(ToString::to_string).collect();
        Ok(if left.is_empty() {
            Removed::Gone
        } else {
            Removed::Left {
                message: left.join("; "),
            }
        })
    }
}
