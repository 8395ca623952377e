//! The settings of a pipeline's workers, as the file that their own loader reads: keys are its long flags.

use serde_json::{Value, json};

use super::{ADMIN_PORT, CONCURRENCY, PREFETCH, Wanted, WorkerSettings};

/// Of the grace period, what is kept back so that a worker ends by itself and is not killed.
const SPARE_SECONDS: u64 = 5;

/// The text of the file. Values are written as JSON, which is YAML that leaves nothing to guess: a tenant may be called
/// `1e5` or `null`.
#[must_use]
pub fn config(wanted: &Wanted, settings: &WorkerSettings) -> String {
    let spec = &wanted.spec;
    let grace = settings.grace.as_secs();
    let stop_within = grace.saturating_sub(SPARE_SECONDS).max(1);
    let mut lines: Vec<(&str, Value)> = vec![
        ("role", json!("worker")),
        ("tenant", json!(wanted.tenant)),
        ("pipeline", json!(wanted.pipeline)),
        // The operator declares; a worker's user may only read.
        ("declare", json!(false)),
        (
            "concurrency",
            json!(spec.concurrency.unwrap_or(CONCURRENCY)),
        ),
        ("prefetch", json!(spec.prefetch.unwrap_or(PREFETCH))),
        ("admin-listen", json!(format!("0.0.0.0:{ADMIN_PORT}"))),
        ("stop-within-seconds", json!(stop_within)),
        ("log-format", json!("json")),
    ];
    if let Some(filter) = &settings.log {
        lines.push(("log", json!(filter)));
    }
    let mut text =
        "# Written by sendry-operator; what is changed here is changed back.\n".to_owned();
    for (key, value) in lines {
        text.push_str(&format!("{key}: {value}\n"));
    }
    text
}
