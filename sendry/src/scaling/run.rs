//! A trace, run through everybody.

use sendry_domain::scaling::Spec;
use serde::Serialize;

use super::{
    plant::Plant,
    scalers::Scaler,
    trace::{Metrics, Trace},
};

/// What all runs have in common.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub spec: Spec,
    /// Events a second that one worker does.
    pub worker_rate: f64,
    /// Seconds from asking for a worker until it works.
    pub start_up: u32,
    /// Seconds of one worker's work in KEDA's `QueueLength`, beside `MessageRate`.
    pub keda_length_seconds: f64,
}

/// A trace and what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comparison {
    pub trace: String,
    pub about: String,
    pub results: Vec<Outcome>,
}

/// How one of them did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    pub scaler: &'static str,
    /// Seconds from coming to being counted.
    pub p50_seconds: f64,
    pub p95_seconds: f64,
    pub max_seconds: f64,
    /// Minutes of workers asked for.
    pub pod_minutes: f64,
    /// Most workers.
    pub peak: u32,
    /// From up to down, or from down to up.
    pub direction_changes: u32,
    /// Times that the number was lowered while the queue could not be seen.
    pub lowered_blindly: u32,
    /// Seconds with something waiting, the queue not to be seen, and nobody asked for.
    pub nobody_while_blind_seconds: u32,
    /// Events left at the end.
    pub left: bool,
}

/// Runs `trace` through each.
pub(super) fn compare(trace: &Trace, setting: &Setting) -> Comparison {
    let results = Scaler::all(setting, trace)
        .into_iter()
        .map(|(name, scaler)| one(name, scaler, trace, setting))
        .collect();
    Comparison {
        trace: trace.name.clone(),
        about: trace.about.clone(),
        results,
    }
}

fn one(name: &'static str, mut scaler: Scaler, trace: &Trace, setting: &Setting) -> Outcome {
    let min = trace.min.unwrap_or(setting.spec.min);
    let concurrency = setting.spec.concurrency;
    let mut plant = Plant::new(setting.worker_rate, setting.start_up, concurrency, min);
    let (mut changes, mut rose) = (0, None);
    let (mut lowered_blindly, mut nobody) = (0, 0);
    for second in trace.seconds() {
        plant.step(second);
        let (before, after) = (plant.workers(), scaler.step(&plant));
        let blind = second.metrics != Metrics::Ok;
        if after != before {
            let rises = after > before;
            changes += u32::from(rose.is_some_and(|rose| rose != rises));
            rose = Some(rises);
            lowered_blindly += u32::from(blind && !rises);
        }
        nobody += u32::from(blind && after == 0 && plant.has_backlog());
        plant.scale(after);
    }
    let mut delays = std::mem::take(&mut plant.delays);
    delays.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = delays.iter().map(|(_, events)| events).sum();
    let at = |part: f64| {
        let mut passed = 0.0;
        let found = delays.iter().find(|(_, events)| {
            passed += events;
            passed >= part * total
        });
        found.or(delays.last()).map_or(0.0, |(delay, _)| *delay)
    };
    Outcome {
        scaler: name,
        p50_seconds: at(0.5),
        p95_seconds: at(0.95),
        max_seconds: delays.last().map_or(0.0, |(delay, _)| *delay),
        pod_minutes: plant.pod_seconds as f64 / 60.0,
        peak: plant.peak,
        direction_changes: changes,
        lowered_blindly,
        nobody_while_blind_seconds: nobody,
        left: plant.has_backlog(),
    }
}
