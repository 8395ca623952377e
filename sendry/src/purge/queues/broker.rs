//! RabbitMQ: a tenant's queues, with their bindings, their policies, and its users, through the management API.
//!
//! What is removed is [`removal`]'s to say: by whole names, and never what another owner's mark stands on. A queue without
//! any mark, as workers declare it that may not write policies, is the tenant's by its name, and a person has seen it.

use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use sendry_domain::id::TenantId;
use sendry_queue::{
    adapters::rabbitmq_management::RabbitManagement,
    topology::{Conflict, Reading, Removal, TopologyBroker, removal},
};

use super::{Found, TenantQueues};

/// A virtual host of a broker.
pub struct Broker {
    broker: Box<dyn TopologyBroker>,
    owner: String,
}

impl Broker {
    /// The management API at `url`, which carries user and password; `owner` is the mark of what is ours.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn new(url: &str, vhost: &str, owner: &str) -> anyhow::Result<Self> {
        let broker = RabbitManagement::new(url, vhost).context("--management-url")?;
        Ok(Self {
            broker: Box::new(broker),
            owner: owner.to_owned(),
        })
    }

    async fn found(&self, tenant: &TenantId) -> anyhow::Result<Vec<Removal>> {
        let observed = self.broker.observe(Reading::QueuesAndLogins).await?;
        let found = removal(&self.owner, tenant, &observed);
        let mut removals = found.removals;
        for conflict in found.conflicts {
            match conflict {
                Conflict::Unmarked { name, .. } => removals.push(Removal::Queue(name)),
                foreign => bail!(
                    "{foreign}; nothing was removed from the broker (--cluster-id says whose is ours)"
                ),
            }
        }
        Ok(removals)
    }
}

#[async_trait]
impl TenantQueues for Broker {
    async fn look(&self, tenant: &TenantId) -> anyhow::Result<Result<Vec<Found>, String>> {
        let found = self.found(tenant).await?.into_iter();
        let found = found.map(|removal| {
            let (kind, name) = match removal {
                Removal::User(name) => ("user", name),
                Removal::Queue(name) => ("queue", name),
                Removal::Policy(name) => ("policy", name),
            };
            Found {
                kind,
                name,
                messages: None,
            }
        });
        Ok(Ok(found.collect()))
    }

    async fn remove(&self, tenant: &TenantId) -> anyhow::Result<()> {
        for removal in self.found(tenant).await? {
            self.broker.apply_removal(&removal).await?;
        }
        Ok(())
    }

    /// Workers that declare queues themselves read the settings every two seconds.
    fn made_again_within(&self) -> Duration {
        Duration::from_secs(5)
    }
}

#[cfg(test)]
mod tests {
    use sendry_queue::topology::{
        Limits, TenantQueues as Wanted, desired, fake::FakeBroker, reconcile_all,
    };

    use super::*;

    async fn declared(owner: &str, tenants: &[&str]) -> FakeBroker {
        let broker = FakeBroker::new();
        let tenants: Vec<Wanted> = tenants
            .iter()
            .map(|name| Wanted::new(TenantId::new(name).unwrap(), Vec::new(), Limits::default()))
            .collect();
        reconcile_all(&broker, &desired(owner, &tenants))
            .await
            .unwrap();
        broker
    }

    fn purge(broker: FakeBroker) -> Broker {
        Broker {
            broker: Box::new(broker),
            owner: "c1".to_owned(),
        }
    }

    #[tokio::test]
    async fn one_tenant_s_and_no_other_s() {
        let broker = purge(declared("c1", &["acme", "acme-1"]).await);
        let acme = TenantId::new("acme").unwrap();
        broker.remove(&acme).await.unwrap();
        assert!(broker.look(&acme).await.unwrap().unwrap().is_empty());
        let other = TenantId::new("acme-1").unwrap();
        assert!(!broker.look(&other).await.unwrap().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_another_owner_marks_stays() {
        let broker = purge(declared("c2", &["acme"]).await);
        let acme = TenantId::new("acme").unwrap();
        let error = broker.remove(&acme).await.unwrap_err().to_string();
        assert!(error.contains("c2/sendry.acme.parked"), "{error}");
    }

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        for bad in ["amqp://user:secret@host", "user:secret@host", "http://"] {
            let error = format!("{:#}", Broker::new(bad, "/", "sendry").err().unwrap());
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
