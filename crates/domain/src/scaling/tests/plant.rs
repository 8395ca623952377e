//! A queue and its workers, as simple as they can be: events flow, workers start after a while and say what they did.

use uuid::Uuid;

use super::super::*;

/// Between two looks, in milliseconds.
pub(super) const TICK: u64 = 2_000;
/// A worker works so long after it was asked for, in milliseconds.
const START: u64 = 16_000;

struct Worker {
    instance: Uuid,
    asked: u64,
    sequence: u64,
    events: f64,
    busy_us: f64,
}

pub(super) struct Plant {
    pub spec: Spec,
    pub history: History,
    pub at: u64,
    /// Events waiting.
    pub queue: f64,
    /// Events in a message.
    pub size: f64,
    /// Events a second that one worker can do.
    pub each: f64,
    /// Events a second that the stores take from all of them.
    pub sink: f64,
    pub queue_known: bool,
    pub beats_known: bool,
    /// Of the workers that run, so many are not heard.
    pub unheard: usize,
    workers: Vec<Worker>,
    started: u128,
}

impl Plant {
    pub fn new(spec: Spec, each: f64) -> Self {
        Self {
            spec,
            history: History::new(0, Some(each as u64)),
            at: 0,
            queue: 0.0,
            size: 10.0,
            each,
            sink: f64::INFINITY,
            queue_known: true,
            beats_known: true,
            unheard: 0,
            workers: Vec::new(),
            started: 0,
        }
    }

    /// With `workers` that have been running.
    pub fn with_workers(mut self, workers: u32) -> Self {
        self.scale(workers);
        self.at += START;
        self.history = History::new(self.at, Some(self.each as u64));
        self
    }

    pub fn workers(&self) -> u32 {
        self.workers.len() as u32
    }

    fn scale(&mut self, to: u32) {
        self.workers.truncate(to as usize);
        while self.workers() < to {
            self.started += 1;
            self.workers.push(Worker {
                instance: Uuid::from_u128(self.started),
                asked: self.at,
                sequence: 0,
                events: 0.0,
                busy_us: 0.0,
            });
        }
    }

    /// A tick in which `arrival` events a second come; what is decided is done.
    pub fn tick(&mut self, arrival: f64) -> Decision {
        let seconds = TICK as f64 / 1e3;
        self.at += TICK;
        self.queue += arrival * seconds;
        let at = self.at;
        let running = || |worker: &&mut Worker| at >= worker.asked + START;
        let able = self.workers.iter_mut().filter(running()).count() as f64;
        let rate = (able * self.each).min(self.sink);
        let done = (rate * seconds).min(self.queue);
        self.queue -= done;
        // Where the stores are the limit, workers wait for them, and are busy all the same.
        let busy = if self.queue > 0.0 || rate <= 0.0 {
            1.0
        } else {
            done / seconds / (able * self.each)
        };
        for worker in self.workers.iter_mut().filter(running()) {
            worker.sequence += 1;
            worker.events += done / able;
            if rate > 0.0 {
                worker.busy_us += busy * seconds * 1e6 * f64::from(self.spec.concurrency);
            }
        }
        let observation = self.observe();
        let decision = decide(&observation, &mut self.history, &self.spec);
        self.scale(decision.workers);
        decision
    }

    /// Ticks for `seconds`; the last decision.
    pub fn run(&mut self, seconds: u64, arrival: f64) -> Decision {
        let mut last = self.tick(arrival);
        for _ in 1..seconds * 1_000 / TICK {
            last = self.tick(arrival);
        }
        last
    }

    pub fn observe(&self) -> Observation {
        let running = || {
            let workers = self.workers.iter();
            workers.filter(|worker| self.at >= worker.asked + START)
        };
        let heard = running().skip(self.unheard).map(|worker| WorkerLook {
            instance: worker.instance,
            sequence: worker.sequence,
            consumers: u64::from(self.spec.concurrency),
            in_flight: 0,
            messages: (worker.events / self.size) as u64,
            events: worker.events as u64,
            busy_us: worker.busy_us as u64,
        });
        Observation {
            at: self.at,
            workers: self.workers(),
            queue: self.queue_known.then(|| QueueLook {
                ready: (self.queue / self.size).ceil() as u64,
                consumers: Some(running().count() as u64 * u64::from(self.spec.concurrency)),
            }),
            beats: self.beats_known.then(|| heard.collect()),
        }
    }
}
