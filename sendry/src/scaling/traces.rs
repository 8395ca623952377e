//! The traces that are built in. Loads are in what one worker does, so they fit any worker rate.

use std::f64::consts::{PI, TAU};

use super::trace::{Metrics, Point, Trace};
use crate::demo::Random;

/// Their names.
pub(super) const NAMES: [&str; 7] = [
    "steady",
    "ramp",
    "burst",
    "outage",
    "metric-loss",
    "square",
    "sizes",
];

/// All of them.
pub(super) fn all(worker_rate: f64, seed: u64) -> Vec<Trace> {
    NAMES
        .iter()
        .filter_map(|name| named(name, worker_rate, seed))
        .collect()
}

/// The one of that name.
pub(super) fn named(name: &str, worker_rate: f64, seed: u64) -> Option<Trace> {
    let (about, length, second): (_, _, fn(f64) -> Second) = match name {
        "steady" => (
            "work for 20 workers, from the first second on, for an hour",
            3_600,
            |_| Second::noisy(20.0),
        ),
        "ramp" => (
            "work for 4 workers up to 30 and down again, in an hour",
            3_600,
            |t| Second::noisy(4.0 + 26.0 * (PI * t / 3_600.0).sin()),
        ),
        "burst" => (
            "from zero: a little at 1 min, then at 20 min 20 minutes of one worker's work within 10 s; KEDA polls 15 s later, the mean",
            3_000,
            |t| Second {
                noise: 0.0,
                ..Second::noisy(match t {
                    75.0..105.0 => 2.0,
                    1_215.0..1_225.0 => 120.0,
                    _ => 0.0,
                })
            },
        ),
        "outage" => (
            "work for 10 workers; the stores are away from 20 to 25 min",
            3_600,
            |t| Second {
                sink: (1_200.0..1_500.0).contains(&t).then_some(0.0),
                ..Second::noisy(10.0)
            },
        ),
        "metric-loss" => (
            "work for 10 workers; the broker answers without statistics from 20 to 30 min",
            3_600,
            |t| Second {
                metrics: if (1_200.0..1_800.0).contains(&t) {
                    Metrics::Missing
                } else {
                    Metrics::Ok
                },
                ..Second::noisy(10.0)
            },
        ),
        "square" => (
            "work for 5 workers and for 20, changing every 10 min",
            7_200,
            |t| {
                let high = (t / 600.0) as u64 % 2 == 1;
                Second::noisy(if high { 20.0 } else { 5.0 })
            },
        ),
        "sizes" => (
            "work for 10 workers, in messages of 5 events and of 50, changing every 10 min",
            7_200,
            |t| Second {
                size: if (t / 600.0) as u64 % 2 == 1 {
                    50.0
                } else {
                    5.0
                },
                ..Second::noisy(10.0)
            },
        ),
        _ => return None,
    };
    let mut random = Random::new(seed).fork(name);
    let point = |at: u32| {
        let Second {
            workers,
            noise,
            size,
            sink,
            metrics,
        } = second(f64::from(at));
        // A swing of 44 s and a scatter, as in `noise` of the published toy model.
        let swing = 0.15 * (TAU * f64::from(at) / 44.0).sin();
        let scatter = 0.05 * random.normal();
        Point {
            at,
            arrival: (workers * worker_rate * (1.0 + noise * (swing + scatter))).max(0.0),
            size,
            sink,
            metrics,
        }
    };
    Some(Trace {
        name: name.to_owned(),
        about: about.to_owned(),
        points: (0..=length).map(point).collect(),
        min: (name == "burst").then_some(0),
    })
}

struct Second {
    /// Load, in what a worker does.
    workers: f64,
    noise: f64,
    size: f64,
    sink: Option<f64>,
    metrics: Metrics,
}

impl Second {
    fn noisy(workers: f64) -> Self {
        Self {
            workers,
            noise: 1.0,
            size: 10.0,
            sink: None,
            metrics: Metrics::Ok,
        }
    }
}
