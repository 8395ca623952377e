//! From accepted events to durable messages.
//!
//! Each route – a tenant, a pipeline and a scope – has one task ([`route`]) that seals what waits into messages: at once
//! while few confirms are outstanding, grouped while many are, so that load makes messages larger instead of more, and
//! nothing waits when idle. Events of one request for one route are never split over messages.
//!
//! A breaker stands before the queue: after repeated failures requests are refused at once, honestly, with 503.

mod gate;
mod route;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sendry_domain::{
    breaker::State,
    id::{MessageId, PipelineName, TenantId},
    identity::{self, Place},
    message::{MessageEvent, RequestRef, Scope},
    routing::QueueName,
    time::UnixMillis,
};
use sendry_queue::EventQueue;
use sendry_runtime::{clock::Clock, health::Component};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::metrics::IngestMetrics;
use gate::Gate;
use route::{Route, Submission};

/// How long a request waits for its confirm before it is answered 503 `unknown`, from when it was handed in.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(4);
/// How much of that time it may wait until its message is sealed; after it, it is surely not stored.
const ROOM_TIMEOUT: Duration = Duration::from_secs(2);
/// Requests that may wait for one route; beyond it ingest refuses at once.
const WAITING: usize = 4_096;
/// How often the queue is asked whether it is there.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Where a group of events was put.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The message that carries them.
    pub message: MessageId,
    /// The position of the first of them; the others follow.
    pub first: u32,
}

/// Why a group of events has no confirm.
#[derive(Clone, Debug)]
pub enum NotSent {
    /// Surely not stored. Come back after so many milliseconds.
    Unavailable(u64),
    /// Surely not stored: this route's queue is full.
    Full,
    /// Perhaps stored, in this place.
    Unknown(Sent),
}

/// What events of one request for one route travel with.
#[derive(Clone, Debug)]
pub struct Consignment {
    /// Whose.
    pub tenant: TenantId,
    /// Where to.
    pub pipeline: PipelineName,
    /// Live or history.
    pub scope: Scope,
    /// When the request came.
    pub accepted_at: UnixMillis,
    /// The request.
    pub request: RequestRef,
    /// Its events for this pipeline; `request` inside is set when sealing.
    pub events: Vec<MessageEvent>,
}

impl Sent {
    /// The id of the `n`-th event of the consignment, for a client that named nothing.
    #[must_use]
    pub fn minted(self, n: u32, batch: Option<(uuid::Uuid, u32)>) -> String {
        identity::mint(Place {
            batch,
            message: self.message,
            position: self.first + n,
        })
    }
}

type RouteKey = (TenantId, PipelineName, Scope);

/// Sends consignments.
pub struct Publisher {
    queue: Arc<dyn EventQueue>,
    gate: Arc<Gate>,
    metrics: IngestMetrics,
    routes: Mutex<HashMap<RouteKey, mpsc::Sender<Submission>>>,
}

impl Publisher {
    /// A publisher to `queue`.
    #[must_use]
    pub fn new(queue: Arc<dyn EventQueue>, clock: Arc<dyn Clock>, metrics: IngestMetrics) -> Self {
        let gate = Arc::new(Gate::new(clock, metrics.breaker.clone()));
        Self {
            queue,
            gate,
            metrics,
            routes: Mutex::default(),
        }
    }

    /// Sends a consignment and waits for the queue's durable confirm.
    ///
    /// # Errors
    /// See [`NotSent`]. Returns within [`CONFIRM_TIMEOUT`] and a little.
    pub async fn send(&self, consignment: Consignment) -> Result<Sent, NotSent> {
        let queue = QueueName::Pipeline(consignment.tenant.clone(), consignment.pipeline.clone());
        self.gate.admits(&queue)?;
        let (reply, answer) = oneshot::channel();
        let route = self.route(&consignment);
        let submission = Submission {
            consignment,
            reply,
            since: Instant::now(),
        };
        if route.try_send(submission).is_err() {
            return Err(NotSent::Unavailable(1_000));
        }
        // The route answers every submission; it is gone only when the process is leaving.
        answer.await.unwrap_or(Err(NotSent::Unavailable(1_000)))
    }

    fn route(&self, consignment: &Consignment) -> mpsc::Sender<Submission> {
        let Consignment {
            tenant,
            pipeline,
            scope,
            ..
        } = consignment;
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), pipeline.clone(), *scope);
        let sender = routes.entry(key).or_insert_with(|| {
            let (sender, waiting) = mpsc::channel(WAITING);
            let route = Route {
                queue_name: QueueName::Pipeline(tenant.clone(), pipeline.clone()),
                scope: *scope,
                queue: self.queue.clone(),
                gate: self.gate.clone(),
                metrics: self.metrics.clone(),
            };
            tokio::spawn(route.run(waiting));
            sender
        });
        sender.clone()
    }

    /// Milliseconds until a refused client may come back; 0 while nothing is refused.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        self.gate.retry_after()
    }

    /// Asks the queue now and then, for `/readyz` and so that an open breaker hears early that the queue is back. An open
    /// breaker does not make ingest unready: it answers, honestly.
    pub async fn watch(
        &self,
        queue: &dyn EventQueue,
        component: &Component,
        stop: &CancellationToken,
    ) {
        loop {
            match queue.check().await {
                Ok(()) => {
                    self.gate.answers_again();
                    match self.gate.state() {
                        State::Closed => component.ready(),
                        state => component.not_ready(format!("breaker {}", state.as_str())),
                    }
                }
                Err(error) => component.not_ready(format!(
                    "breaker {}: {}",
                    self.gate.state().as_str(),
                    sendry_runtime::error_chain::chain(&error)
                )),
            }
            tokio::select! {
                () = tokio::time::sleep(WATCH_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}
