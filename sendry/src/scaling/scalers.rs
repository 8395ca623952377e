//! Who is compared.

use sendry_domain::scaling::{History, Spec, decide};

use super::{
    keda::{Keda, Trigger},
    plant::Plant,
    run::Setting,
    trace::Trace,
};

/// Seconds between the operator's looks.
const LOOK: u32 = 2;
/// Seconds of work each pod that `QueueLength` alone is set to: 20 messages at 50 a second, about as in KEDA's examples.
const LENGTH_ALONE: f64 = 0.4;

/// Somebody who says how many workers there should be.
pub(super) enum Scaler {
    Sendry { history: Box<History>, spec: Spec },
    Keda(Keda),
}

impl Scaler {
    /// All of them, each with its name. KEDA is set by hand to what a worker really does and to the mean size of this
    /// trace's messages; Sendry has to find out.
    pub fn all(setting: &Setting, trace: &Trace) -> Vec<(&'static str, Self)> {
        let mut spec = setting.spec.clone();
        spec.min = trace.min.unwrap_or(spec.min);
        let messages = setting.worker_rate / trace.mean_size();
        let rate = messages * f64::from(spec.target_utilization_percent) / 100.0;
        let time = spec.drain_time_target as f64 / 1e3;
        let keda = |triggers| Self::Keda(Keda::new(triggers, spec.min, spec.max));
        vec![
            (
                "sendry",
                Self::Sendry {
                    history: Box::new(History::new(0, None)),
                    spec: spec.clone(),
                },
            ),
            (
                "keda length+rate",
                keda(vec![
                    Trigger::Length(messages * setting.keda_length_seconds),
                    Trigger::Rate(rate),
                ]),
            ),
            (
                "keda length",
                keda(vec![Trigger::Length(messages * LENGTH_ALONE)]),
            ),
            ("keda time", keda(vec![Trigger::Time(time)])),
        ]
    }

    /// Workers from now on.
    pub fn step(&mut self, plant: &Plant) -> u32 {
        let now = plant.workers();
        match self {
            Self::Sendry { history, spec } if plant.at.is_multiple_of(LOOK) => {
                decide(&plant.observe(), history, spec).workers
            }
            Self::Sendry { .. } => now,
            Self::Keda(keda) => keda.step(plant.at, now, plant.ready(), || plant.statistics()),
        }
    }
}
