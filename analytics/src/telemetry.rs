//! What Prometheus learns of this API.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use sendry_runtime::{clock::Clock, metrics::duration_histogram};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    method: String,
    status: String,
}

/// Durations of requests by route template, method and class of status: bounded, whatever clients send.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

impl RequestMetrics {
    /// Registers `sendry_analytics_request_duration_seconds`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_with_unit(
            "sendry_analytics_request_duration",
            "Time to answer a request",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        metrics
    }
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            durations: Family::new_with_constructor(duration_histogram),
        }
    }
}

pub(crate) type Watch = (RequestMetrics, Arc<dyn Clock>);

/// Middleware: measures a request.
pub(crate) async fn measure(
    State((metrics, clock)): State<Watch>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    // Routes take few methods; a made-up one meets a 405 and must not become a label.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST") => known,
        _ => "other",
    };
    let method = method.to_owned();
    let start = clock.monotonic_ms();
    let response = next.run(request).await;
    let millis = clock.monotonic_ms().saturating_sub(start);
    let labels = Labels {
        route,
        method,
        status: format!("{}xx", response.status().as_u16() / 100),
    };
    let histogram = metrics.durations.get_or_create(&labels);
    histogram.observe(millis as f64 / 1_000.0);
    response
}
