//! What the autoscaler tells Prometheus.
//!
//! The one place where metrics carry the names of tenants and pipelines: there are no more series than pipelines times a
//! handful, and one that is gone, or a number that is not known, has no series.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        MetricType, counter::Counter, family::Family, gauge::ConstGauge, histogram::Histogram,
    },
    registry::{Registry, Unit},
};
use sendry_domain::scaling::{DrainTime, Estimates};
use sendry_runtime::metrics::duration_histogram;

/// Why a number of workers was decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Why {
    /// The decision's reason.
    pub reason: &'static str,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Ended {
    /// `written`, or an [`error::Category`](crate::error::Category)'s label.
    pub result: &'static str,
}

/// One pipeline at the last look.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose.
    pub tenant: String,
    /// Which.
    pub pipeline: String,
    /// Workers there should be.
    pub desired: u32,
    /// Workers there are.
    pub replicas: u32,
    /// Messages ready.
    pub ready: Option<u64>,
    /// What the decision went by.
    pub estimates: Estimates,
    /// When queue and workers were last both seen.
    pub known: Instant,
}

/// Handles; clones are the same metrics.
#[derive(Clone, Debug)]
pub struct ScalingMetrics {
    /// A look at all pipelines with the decisions, until all writes are under way.
    pub tick: Histogram,
    /// Asking the broker and the store.
    pub look: Histogram,
    /// From a decision until the API server has taken it.
    pub write: Histogram,
    /// Writes to `/scale` by how they ended.
    pub writes: Family<Ended, Counter>,
    /// Numbers that were changed, by reason.
    pub decisions: Family<Why, Counter>,
    rows: Arc<Mutex<Arc<[Row]>>>,
}

impl Default for ScalingMetrics {
    /// Counted, and scraped by nobody.
    fn default() -> Self {
        Self {
            tick: duration_histogram(),
            look: duration_histogram(),
            write: duration_histogram(),
            writes: Family::default(),
            decisions: Family::default(),
            rows: Arc::new(Mutex::new(Arc::new([]))),
        }
    }
}

impl ScalingMetrics {
    /// All pipelines as of now.
    pub fn show(&self, rows: Vec<Row>) {
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = rows.into();
    }

    /// Registers them.
    pub fn register(self, registry: &mut Registry) {
        let rows = Rows(self.rows.clone());
        let Self {
            tick,
            look,
            write,
            writes,
            decisions,
            rows: _,
        } = self;
        registry.register_with_unit(
            "sendry_scale_tick",
            "A look at all pipelines, with the decisions",
            Unit::Seconds,
            tick,
        );
        registry.register_with_unit(
            "sendry_scale_look",
            "Asking the broker how much waits, and the store what workers say",
            Unit::Seconds,
            look,
        );
        registry.register_with_unit(
            "sendry_scale_write",
            "From a decision until the API server has taken it",
            Unit::Seconds,
            write,
        );
        registry.register(
            "sendry_scale_writes",
            "Writes of a number of workers by how they ended",
            writes,
        );
        registry.register(
            "sendry_scale_decisions",
            "Numbers of workers that were changed, by reason",
            decisions,
        );
        registry.register_collector(Box::new(rows));
    }
}

#[derive(Debug)]
struct Rows(Arc<Mutex<Arc<[Row]>>>);

/// A gauge of every pipeline: its name, what it is, its unit, and its value where there is one.
type Column = (
    &'static str,
    &'static str,
    Option<Unit>,
    fn(&Row) -> Option<f64>,
);

const COLUMNS: [Column; 8] = [
    (
        "sendry_pipeline_backlog_messages",
        "Messages that wait",
        None,
        |row| row.ready.map(|n| n as f64),
    ),
    (
        "sendry_pipeline_backlog_events",
        "Events that wait",
        None,
        |row| row.estimates.backlog.map(|n| n as f64),
    ),
    (
        "sendry_pipeline_arrival_rate",
        "Events a second that come",
        None,
        |row| row.estimates.arrival_per_second.map(|n| n as f64),
    ),
    (
        "sendry_pipeline_per_replica_rate",
        "Events a second that one worker was measured to do",
        None,
        |row| row.estimates.per_worker_per_second.map(|n| n as f64),
    ),
    (
        "sendry_pipeline_desired_replicas",
        "Workers there should be",
        None,
        |row| Some(f64::from(row.desired)),
    ),
    (
        "sendry_pipeline_replicas",
        "Workers there are",
        None,
        |row| Some(f64::from(row.replicas)),
    ),
    (
        "sendry_pipeline_estimated_drain",
        "How long what waits takes at the measured rates; +Inf when at least as much comes as goes",
        Some(Unit::Seconds),
        |row| match row.estimates.drain {
            DrainTime::Empty => Some(0.0),
            DrainTime::Seconds(seconds) => Some(seconds as f64),
            DrainTime::Never => Some(f64::INFINITY),
            DrainTime::Unknown => None,
        },
    ),
    (
        "sendry_pipeline_sample_age",
        "How long ago the queue and its workers were last both seen",
        Some(Unit::Seconds),
        |row| Some(row.known.elapsed().as_secs_f64()),
    ),
];

impl Collector for Rows {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let rows = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (name, help, unit, value) in COLUMNS {
            let mut family =
                encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            for row in rows.iter() {
                let Some(value) = value(row) else { continue };
                let labels = [
                    ("tenant", row.tenant.as_str()),
                    ("pipeline", row.pipeline.as_str()),
                ];
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sendry_runtime::metrics::MetricsBuilder;

    use super::*;

    #[test]
    fn what_is_not_known_has_no_series() {
        let mut builder = MetricsBuilder::new();
        let metrics = ScalingMetrics::default();
        metrics.clone().register(builder.registry());
        let estimates = Estimates {
            backlog: Some(1_200),
            arrival_per_second: None,
            per_worker_per_second: None,
            drain: DrainTime::Never,
        };
        let row = Row {
            tenant: "shop".to_owned(),
            pipeline: "orders".to_owned(),
            desired: 3,
            replicas: 2,
            ready: Some(120),
            estimates,
            known: Instant::now(),
        };
        metrics.show(vec![row]);
        let built = builder.build();
        let text = built.encode().unwrap();
        let labels = r#"{tenant="shop",pipeline="orders"}"#;
        for line in [
            format!("sendry_pipeline_backlog_events{labels} 1200"),
            format!("sendry_pipeline_desired_replicas{labels} 3"),
            format!("sendry_pipeline_estimated_drain_seconds{labels} inf"),
        ] {
            let line = line.to_lowercase();
            assert!(
                text.to_lowercase().contains(&line),
                "{line} is not in {text}"
            );
        }
        assert!(!text.contains("arrival_rate{"), "{text}");
        metrics.show(Vec::new());
        assert!(!built.encode().unwrap().contains("shop"));
    }
}
