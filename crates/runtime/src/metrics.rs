//! What Prometheus scrapes.
//!
//! Metric names are written whole where they are registered (`sendry_ingest_events`), so that a
//! name seen on a dashboard is found by searching the sources. The encoder adds `_total` to
//! counters and the unit to metrics registered with one. Labels are bounded: never an event id, a
//! path or an error's text.

mod process;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// The `Content-Type` of [`Metrics::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of [`duration_histogram`] in seconds: 1, 2.5, 5 of each decade, 10 µs to 10 s.
pub const DURATION_BOUNDS: [f64; 19] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A histogram of durations in seconds; register it with the unit `Seconds`.
///
/// One set of bounds for everything from a cache look-up to a slow query, so that any two
/// durations can be put on one chart. Usable as the constructor of a `Family`.
#[must_use]
pub fn duration_histogram() -> Histogram {
    Histogram::new(DURATION_BOUNDS)
}

/// What failed while the metrics were written out.
#[derive(Debug, thiserror::Error)]
#[error("failed to encode the metrics")]
pub struct EncodeError {
    source: fmt::Error,
}

/// Collects the metrics of a process while it is put together.
///
/// Every part registers its own (`IngestMetrics::register(builder.registry())`) and keeps the
/// handles; [`build`](Self::build) closes the set.
#[derive(Debug, Default)]
pub struct MetricsBuilder {
    registry: Registry,
}

impl MetricsBuilder {
    /// A set with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where parts register their metrics, with whole names.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Adds `sendry_build_info{component, version} 1`: which build of which process this is.
    #[must_use]
    pub fn build_info(mut self, component: &'static str, version: &'static str) -> Self {
        let info = Info::new(vec![("component", component), ("version", version)]);
        self.registry
            .register("sendry_build", "Which build of which process this is", info);
        self
    }

    /// Adds `process_cpu_seconds_total`, `process_resident_memory_bytes` and `process_open_fds`,
    /// read from `/proc/self` at each scrape. Where there is no `/proc`, they are absent.
    #[must_use]
    pub fn process(mut self) -> Self {
        self.registry
            .register_collector(Box::new(process::ProcessCollector));
        self
    }

    /// Closes the set.
    #[must_use]
    pub fn build(self) -> Metrics {
        Metrics {
            registry: Arc::new(self.registry),
        }
    }
}

/// The metrics of this process, cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
}

impl Metrics {
    /// All metrics in the OpenMetrics text format; see [`CONTENT_TYPE`].
    pub fn encode(&self) -> Result<String, EncodeError> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).map_err(|source| EncodeError { source })?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Unit;

    use super::*;

    #[test]
    fn bounds_rise() {
        assert!(DURATION_BOUNDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn encodes_what_was_registered() {
        let mut builder = MetricsBuilder::new().build_info("ingest", "1.2.3");
        let waited = duration_histogram();
        builder
            .registry()
            .register_with_unit("sendry_wait", "Wait", Unit::Seconds, waited.clone());
        let metrics = builder.build();
        waited.observe(0.003);

        let text = metrics.encode().unwrap();
        assert!(text.contains(r#"sendry_build_info{component="ingest",version="1.2.3"} 1"#));
        assert!(
            text.contains(r#"sendry_wait_seconds_bucket{le="0.0025"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(r#"sendry_wait_seconds_bucket{le="0.005"} 1"#),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn tells_what_the_process_uses() {
        let text = MetricsBuilder::new().process().build().encode().unwrap();
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{name} ")));
            line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e5);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}
