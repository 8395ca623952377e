//! What ingest tells Prometheus.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use sendry_runtime::metrics::duration_histogram;

/// How a request or an event ended: a bounded set of words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// `accepted`, or the code of the refusal.
    pub outcome: &'static str,
}

/// Handles of ingest's metrics; clones are the same metrics.
#[derive(Clone, Debug)]
pub struct IngestMetrics {
    /// Finding and checking the key.
    pub auth: Histogram,
    /// Inflating, parsing and validating.
    pub parse: Histogram,
    /// From sealing a message to the queue's confirm.
    pub confirm: Histogram,
    /// Requests by outcome.
    pub requests: Family<Outcome, Counter>,
    /// Events by outcome.
    pub events: Family<Outcome, Counter>,
    /// Fields that the contract does not know.
    pub unknown_fields: Counter,
    /// Events a message, as sealed.
    pub message_events: Histogram,
    /// The breaker to the queue: 0 closed, 1 half-open, 2 open.
    pub breaker: Gauge,
}

impl IngestMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            auth: duration_histogram(),
            parse: duration_histogram(),
            confirm: duration_histogram(),
            requests: Family::default(),
            events: Family::default(),
            unknown_fields: Counter::default(),
            message_events: Histogram::new([
                1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0,
            ]),
            breaker: Gauge::default(),
        };
        let Self {
            auth,
            parse,
            confirm,
            requests,
            events,
            unknown_fields,
            message_events,
            breaker,
        } = metrics.clone();
        let mut seconds = |name: &str, help: &str, histogram: Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram);
        };
        seconds(
            "sendry_ingest_auth",
            "Finding and checking the API key",
            auth,
        );
        seconds(
            "sendry_ingest_parse",
            "Inflating, parsing and validating a request",
            parse,
        );
        seconds(
            "sendry_ingest_confirm",
            "From sealing a message to its durable confirm",
            confirm,
        );
        registry.register("sendry_ingest_requests", "Requests by outcome", requests);
        registry.register("sendry_ingest_events", "Events by outcome", events);
        registry.register(
            "sendry_ingest_unknown_fields",
            "Fields of events that the contract does not know",
            unknown_fields,
        );
        registry.register(
            "sendry_ingest_message_events",
            "Events in a sealed message",
            message_events,
        );
        registry.register(
            "sendry_ingest_breaker",
            "Breaker to the queue: 0 closed, 1 half-open, 2 open",
            breaker,
        );
        metrics
    }

    /// Counts a request.
    pub fn request(&self, outcome: &'static str) {
        self.requests.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts events.
    pub fn events(&self, outcome: &'static str, n: u64) {
        self.events.get_or_create(&Outcome { outcome }).inc_by(n);
    }
}
