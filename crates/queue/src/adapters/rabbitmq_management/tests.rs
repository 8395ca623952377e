//! The management API of a real broker.

mod connecting;
mod held;
mod reading;
mod tls;

use sendry_domain::id::TenantId;

use super::*;
use crate::{
    adapters::vhost::Vhost,
    topology::{
        Limits, SecretText, TenantQueues, TopologyBroker,
        contract::{Stage, topology_contract},
        desired, reconcile_all,
    },
};

struct Real {
    vhost: Vhost,
    api: RabbitManagement,
}

impl Stage for Real {
    async fn start() -> Self {
        let vhost = Vhost::create().await;
        let api = vhost.management();
        Self { vhost, api }
    }

    fn broker(&self) -> &dyn TopologyBroker {
        &self.api
    }

    fn tenant(&self) -> TenantId {
        self.vhost.tenant()
    }
}

topology_contract!(Real);
