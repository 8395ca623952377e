//! What a pass is handed: ports, and nothing that remembers.

use std::sync::Arc;

use kube::Client;
use rand::TryRngCore;
use sendry_queue::QueueDepths;
use sendry_runtime::clock::Clock;
use sendry_store::OperatorStore;

use crate::{events::Events, settings::Settings, topology::Topology};

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// When the machine has none to give.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The machine gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoEntropy;

/// The machine's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        rand::rngs::OsRng
            .try_fill_bytes(bytes)
            .map_err(|_| NoEntropy)
    }
}

/// What a pass is handed.
#[derive(Clone)]
pub struct Context {
    /// The API server. Its writes end with the lease: see [`crate::gate`].
    pub client: Client,
    /// Settings, which ingest and workers obey.
    pub store: Arc<dyn OperatorStore>,
    /// The epoch of this leadership, as the store gave it.
    pub epoch: u64,
    /// The broker.
    pub topology: Topology,
    /// How much waits in the broker's queues.
    pub depths: Arc<dyn QueueDepths>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Who is told of transitions.
    pub events: Events,
    /// The operator's own settings.
    pub settings: Arc<Settings>,
}
