//! What workers tell Prometheus.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use sendry_runtime::metrics::duration_histogram;

/// What became of events: a bounded set of words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Fate {
    /// `counted`, `duplicate`, `conflict`, `dead`, `raw_refused`.
    pub fate: &'static str,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Store {
    /// `metric` or `raw`.
    pub store: &'static str,
}

/// Handles of the worker's metrics; clones are the same metrics.
#[derive(Clone, Debug)]
pub struct WorkerMetrics {
    /// From acceptance at ingest to the counting transaction.
    pub dwell: Histogram,
    /// The counting transaction.
    pub transaction: Histogram,
    /// Writing raw events.
    pub raw_write: Histogram,
    /// Messages processed.
    pub messages: Counter,
    /// Of them, redelivered.
    pub redelivered: Counter,
    /// Raw events written.
    pub raw_events: Counter,
    /// Events whose document the raw store refused.
    pub raw_refused: Counter,
    /// Failed calls by store.
    pub store_failures: Family<Store, Counter>,
    /// Breakers by store: 0 closed, 1 half-open, 2 open.
    pub breakers: Family<Store, Gauge>,
}

impl WorkerMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            dwell: duration_histogram(),
            transaction: duration_histogram(),
            raw_write: duration_histogram(),
            messages: Counter::default(),
            redelivered: Counter::default(),
            raw_events: Counter::default(),
            raw_refused: Counter::default(),
            store_failures: Family::default(),
            breakers: Family::default(),
        };
        let Self {
            dwell,
            transaction,
            raw_write,
            messages,
            redelivered,
            raw_events,
            raw_refused,
            store_failures,
            breakers,
        } = metrics.clone();
        let mut seconds = |name: &str, help: &str, histogram: Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram);
        };
        seconds(
            "sendry_worker_dwell",
            "From acceptance to the counting transaction",
            dwell,
        );
        seconds(
            "sendry_worker_transaction",
            "The counting transaction",
            transaction,
        );
        seconds("sendry_worker_raw_write", "Writing raw events", raw_write);
        registry.register("sendry_worker_messages", "Messages processed", messages);
        registry.register(
            "sendry_worker_redelivered",
            "Messages that came again",
            redelivered,
        );
        registry.register("sendry_worker_raw_events", "Raw events written", raw_events);
        registry.register(
            "sendry_worker_raw_refused",
            "Events whose document the raw store refused",
            raw_refused,
        );
        registry.register(
            "sendry_worker_store_failures",
            "Failed store calls",
            store_failures,
        );
        registry.register(
            "sendry_worker_breaker",
            "Breakers to the stores: 0 closed, 1 half-open, 2 open",
            breakers,
        );
        metrics
    }
}
