//! Ingest: checks the key, validates, and answers 202 after the queue's durable confirm.
//!
//! **Guarantee.** A 202 means that every accepted event is on the queue's stable storage. A 503 says which of two things
//! is true: `unavailable`, `backlog_full`, `suspended` – surely nothing was stored; `unknown` – perhaps, so retry under
//! the same ids. Nothing takes longer than five seconds.
//!
//! The way of a request: [`auth`] → [`body`] → [`accept`] (pure) → [`publish`] → [`routes`] answers.

pub mod accept;
pub mod auth;
pub mod beats;
pub mod body;
pub mod directory;
pub mod metrics;
pub mod publish;
pub mod quota;
pub mod routes;
pub mod run;

use std::sync::Arc;

use ipnet::IpNet;
use sendry_queue::EventQueue;
use sendry_runtime::{clock::Clock, health::Health, shutdown::Tasks};
use sendry_store::ControlStore;
use tokio_util::sync::CancellationToken;

use crate::{
    beats::Beats, directory::Directory, metrics::IngestMetrics, publish::Publisher, quota::Quotas,
};

/// What ingest needs from its surroundings.
pub struct Parts {
    /// Where events go.
    pub queue: Arc<dyn EventQueue>,
    /// Where tenants and keys are.
    pub control: Arc<dyn ControlStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Handles of the registered metrics.
    pub metrics: IngestMetrics,
}

/// A running ingest, without its listener.
pub struct Ingest {
    pub(crate) directory: Directory,
    pub(crate) publisher: Publisher,
    pub(crate) quotas: Quotas,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) metrics: IngestMetrics,
}

impl Ingest {
    /// Puts ingest together and starts what it does beside requests: following control changes, counting the ingests that
    /// share the rates, and watching the queue.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start(
        parts: Parts,
        health: &Health,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        let Parts {
            queue,
            control,
            clock,
            trusted_proxies,
            metrics,
        } = parts;
        let beats = Beats::new(control.clone(), clock.clone());
        let directory = Directory::new(control, clock.clone());
        let publisher = Publisher::new(queue.clone(), clock.clone(), metrics.clone());
        let ingest = Arc::new(Self {
            directory,
            publisher,
            quotas: Quotas::default(),
            clock,
            trusted_proxies,
            metrics,
        });
        let component = health.component("ingest-directory");
        let (following, token) = (ingest.clone(), stop.clone());
        tasks.spawn_vital("ingest-directory", async move {
            following.directory.follow(&component, &token).await;
        });
        let (sharing, token) = (ingest.clone(), stop.clone());
        tasks.spawn_vital("ingest-beats", async move {
            beats.keep(&sharing.quotas, &token).await;
        });
        let component = health.component("ingest-queue").informational();
        let (watching, token) = (ingest.clone(), stop.clone());
        tasks.spawn_vital("ingest-queue", async move {
            watching
                .publisher
                .watch(queue.as_ref(), &component, &token)
                .await;
        });
        ingest
    }

    /// The routes of the HTTP contract.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        routes::router(self.clone())
    }
}
