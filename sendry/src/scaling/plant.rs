//! The queue and the workers: a fluid model in steps of a second.
//!
//! Events wait in the order in which they came; each second the workers that have started take what they can. A delay is
//! the time from coming to being counted, weighed by events.

use std::collections::VecDeque;

use sendry_domain::scaling::{Observation, QueueLook, WorkerLook};
use uuid::Uuid;

use super::trace::{Metrics, Point};

/// Messages that each consumer is given ahead, the worker's default.
const PREFETCH: f64 = 64.0;
/// Seconds between a worker's beats.
const BEAT: u32 = 2;
/// Seconds over which the broker's statistics take their rates.
const RATE_OVER: usize = 5;

struct Cohort {
    came: u32,
    events: f64,
    size: f64,
}

struct Pod {
    number: u32,
    asked: u32,
    beat: WorkerLook,
    events: f64,
    messages: f64,
    busy_us: f64,
}

/// What a broker's statistics say, in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Statistics {
    /// Ready and unacknowledged.
    pub messages: f64,
    /// Published a second, over the last 5 s.
    pub published: f64,
    /// Delivered a second, over the last 5 s.
    pub delivered: f64,
}

pub(super) struct Plant {
    /// Seconds passed.
    pub at: u32,
    worker_rate: f64,
    start_up: u32,
    concurrency: u32,
    waiting: VecDeque<Cohort>,
    pods: Vec<Pod>,
    started: u32,
    published: VecDeque<f64>,
    delivered: VecDeque<f64>,
    metrics: Metrics,
    /// (seconds, events), of all that was counted.
    pub delays: Vec<(f64, f64)>,
    pub pod_seconds: u64,
    pub peak: u32,
}

impl Plant {
    pub fn new(worker_rate: f64, start_up: u32, concurrency: u32, workers: u32) -> Self {
        let mut plant = Self {
            at: 0,
            worker_rate,
            start_up,
            concurrency: concurrency.max(1),
            waiting: VecDeque::new(),
            pods: Vec::new(),
            started: 0,
            published: VecDeque::new(),
            delivered: VecDeque::new(),
            metrics: Metrics::Ok,
            delays: Vec::new(),
            pod_seconds: 0,
            peak: 0,
        };
        plant.scale(workers);
        plant
    }

    /// Workers asked for.
    pub fn workers(&self) -> u32 {
        self.pods.len() as u32
    }

    /// Workers that work.
    pub fn ready(&self) -> u32 {
        self.pods.iter().filter(|pod| self.works(pod)).count() as u32
    }

    fn works(&self, pod: &Pod) -> bool {
        self.at >= pod.asked + self.start_up
    }

    /// Asks for so many workers. The youngest leave; what they do they finish, which takes no time here.
    pub fn scale(&mut self, workers: u32) {
        self.pods.truncate(workers as usize);
        while self.workers() < workers {
            self.started += 1;
            self.pods.push(Pod {
                number: self.started,
                asked: self.at,
                beat: WorkerLook {
                    instance: Uuid::from_u128(u128::from(self.started)),
                    sequence: 0,
                    consumers: u64::from(self.concurrency),
                    in_flight: 0,
                    messages: 0,
                    events: 0,
                    busy_us: 0,
                },
                events: 0.0,
                messages: 0.0,
                busy_us: 0.0,
            });
        }
        self.peak = self.peak.max(self.workers());
    }

    /// A second passes.
    pub fn step(&mut self, second: &Point) {
        self.metrics = second.metrics;
        if second.arrival > 0.0 {
            self.waiting.push_back(Cohort {
                came: self.at,
                events: second.arrival,
                size: second.size,
            });
        }
        let ready = self.ready();
        let able = f64::from(ready) * self.worker_rate;
        let rate = able.min(second.sink.unwrap_or(f64::INFINITY));
        let (events, messages) = self.count(rate);
        // Where the stores are the limit, workers wait for them, and are busy all the same.
        let busy = if able <= 0.0 {
            0.0
        } else if rate < able && !self.waiting.is_empty() {
            1.0
        } else {
            events / able
        };
        let (start_up, concurrency) = (self.start_up, f64::from(self.concurrency));
        for pod in &mut self.pods {
            if self.at >= pod.asked + start_up {
                pod.events += events / f64::from(ready);
                pod.messages += messages / f64::from(ready);
                pod.busy_us += busy * 1e6 * concurrency;
            }
        }
        remember(&mut self.published, second.arrival / second.size);
        remember(&mut self.delivered, messages);
        self.pod_seconds += u64::from(self.workers());
        self.at += 1;
        self.beat(rate > 0.0);
    }

    /// Takes up to `rate` events in the order in which they came; events and messages taken.
    fn count(&mut self, rate: f64) -> (f64, f64) {
        let (mut left, mut messages) = (rate, 0.0);
        while left > 1e-9 {
            let Some(first) = self.waiting.front_mut() else {
                break;
            };
            let taken = first.events.min(left);
            self.delays
                .push((f64::from(self.at - first.came) + 0.5, taken));
            messages += taken / first.size;
            left -= taken;
            first.events -= taken;
            if first.events <= 1e-9 {
                self.waiting.pop_front();
            }
        }
        (rate - left, messages)
    }

    /// A worker whose stores are away goes on beating, but its busy time is told when a batch is done.
    fn beat(&mut self, gets_on: bool) {
        let held = self.held_each();
        let (at, start_up) = (self.at, self.start_up);
        for pod in &mut self.pods {
            if at < pod.asked + start_up || (at + pod.number) % BEAT != 0 {
                continue;
            }
            pod.beat.sequence += 1;
            pod.beat.in_flight = held;
            pod.beat.events = pod.events as u64;
            pod.beat.messages = pod.messages as u64;
            if gets_on {
                pod.beat.busy_us = pod.busy_us as u64;
            }
        }
    }

    /// Messages that wait, with whomever.
    fn messages(&self) -> f64 {
        let of = |cohort: &Cohort| cohort.events / cohort.size;
        self.waiting.iter().map(of).sum()
    }

    /// Messages that each worker holds.
    fn held_each(&self) -> u64 {
        let ready = self.ready();
        if ready == 0 {
            return 0;
        }
        let room = f64::from(self.concurrency) * PREFETCH;
        (self.messages() / f64::from(ready)).min(room) as u64
    }

    pub fn has_backlog(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What the operator sees.
    pub fn observe(&self) -> Observation {
        let beats: Vec<_> = self
            .pods
            .iter()
            .filter(|pod| pod.beat.sequence > 0)
            .map(|pod| pod.beat.clone())
            .collect();
        let held = self.held_each() * u64::from(self.ready());
        Observation {
            at: u64::from(self.at) * 1_000,
            workers: self.workers(),
            queue: (self.metrics == Metrics::Ok).then(|| QueueLook {
                ready: (self.messages().ceil() as u64).saturating_sub(held),
                consumers: Some(u64::from(self.ready() * self.concurrency)),
            }),
            beats: Some(beats),
        }
    }

    /// What the management API says; `None` when it cannot be asked. Fresher than in life, where it is up to 5 s old.
    pub fn statistics(&self) -> Option<Statistics> {
        let mean = |of: &VecDeque<f64>| of.iter().sum::<f64>() / RATE_OVER as f64;
        match self.metrics {
            Metrics::Error => None,
            Metrics::Missing => Some(Statistics::default()),
            Metrics::Ok => {
                let delivered = mean(&self.delivered);
                let each = f64::from(self.concurrency) / self.worker_rate;
                Some(Statistics {
                    // What is being worked on, by Little's law, beside what waits.
                    messages: self.messages() + delivered * each,
                    published: mean(&self.published),
                    delivered,
                })
            }
        }
    }
}

fn remember(rates: &mut VecDeque<f64>, rate: f64) {
    rates.push_back(rate);
    if rates.len() > RATE_OVER {
        rates.pop_front();
    }
}
