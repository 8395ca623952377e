//! How many workers each pipeline has: one loop over all of them.
//!
//! Every [`Settings::scaling`](crate::settings::Settings::scaling) all queues are asked how much waits and the store what
//! all workers say, each in one go; then [`decide`](sendry_domain::scaling::decide) says for each pipeline how many workers
//! there should be, and where that is not what its Deployment asks for, the Deployment's `scale` subresource is written.
//!
//! **Guarantees.** Nothing else of the Deployment is written here, and nothing of a pipeline's spec, so whoever applies
//! manifests is not fought with. This loop is the only writer of the number, in every mode. What is not known changes
//! nothing ([`Reason::QueueUnknown`](sendry_domain::scaling::Reason)). After a restart nothing is lowered for 300 s, and
//! what a worker does is remembered in the pipeline's status. No look waits for a write, and no number for another; the
//! statuses of a look let its numbers go first, for 100 ms at most.
//!
//! | module | question |
//! |---|---|
//! | `fleet` | whose workers are followed? |
//! | `spec` | what does a pipeline ask for? |
//! | `sample` | what is seen? |
//! | `memory` | what follows from it, and from what was seen before? |
//! | `crew`, `scale` | how is the number written, whatever becomes of the others? |
//! | `status`, `tell`, `metrics` | who is told what, and when? |

mod crew;
mod fleet;
mod memory;
pub mod metrics;
mod sample;
mod scale;
mod spec;
mod status;
mod tell;

#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use sendry_crds::SendryPipeline;
use sendry_domain::{routing::QueueName, scaling::Decision};
use sendry_runtime::error_chain::chain;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use self::{
    crew::Crew,
    memory::{Decided, Memory, Subject},
    metrics::{Ended, Row, ScalingMetrics, Why},
    sample::{Sample, Sampler},
    scale::Wish,
    status::Told,
    tell::News,
};
pub use self::{
    fleet::{Fleet, Followed, Workers},
    scale::FIELD_MANAGER,
};
use crate::{context::Context, error::Category};

/// Writes of numbers, of statuses and of Events at once. Each kind has its own, so that talk holds up no decision.
const SCALES: usize = 32;
const STATUSES: usize = 8;
const EVENTS: usize = 4;
/// Events that may wait to be told; they are best effort, and more would only be old.
const EVENTS_WAITING: usize = 1_000;

/// How long numbers have the API server to themselves before the same look's statuses follow.
const HEAD_START: Duration = Duration::from_millis(100);

/// A number that the API server has taken.
struct Written {
    wish: Wish,
    decision: Decision,
    /// Whom it is told of; `None` where the resource is gone.
    about: Option<Arc<SendryPipeline>>,
    /// From the decision until it was taken.
    took: Duration,
}

struct Autoscaler {
    cx: Context,
    fleet: Arc<dyn Fleet>,
    metrics: ScalingMetrics,
    sampler: Sampler,
    memory: Memory,
    scales: Crew<Written>,
    statuses: Crew<()>,
    events: JoinSet<()>,
    events_slots: Arc<Semaphore>,
}

/// Follows the load of the whole `fleet`, for a term of leadership: it never ends, and is dropped with the term.
pub async fn run(cx: Context, fleet: Arc<dyn Fleet>, metrics: ScalingMetrics) {
    let clock = || cx.clock.clone();
    let mut looks = interval(cx.settings.scaling);
    // After a late look the next is not made up for.
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut autoscaler = Autoscaler {
        sampler: Sampler::new(cx.depths.clone(), cx.store.clone(), clock()),
        memory: Memory::default(),
        scales: Crew::new(SCALES, clock()),
        statuses: Crew::new(STATUSES, clock()),
        events: JoinSet::new(),
        events_slots: Arc::new(Semaphore::new(EVENTS)),
        cx,
        fleet,
        metrics,
    };
    loop {
        tokio::select! {
            biased;
            (uid, ended) = autoscaler.scales.ended() => autoscaler.scaled(&uid, ended),
            (uid, ended) = autoscaler.statuses.ended() => autoscaler.told(&uid, ended),
            Some(_) = autoscaler.events.join_next(), if !autoscaler.events.is_empty() => {}
            _ = looks.tick() => autoscaler.tick().await,
        }
    }
}

impl Drop for Autoscaler {
    /// Who leads no more says nothing of pipelines any more: another one does.
    fn drop(&mut self) {
        self.metrics.show(Vec::new());
    }
}

impl Autoscaler {
    async fn tick(&mut self) {
        let began = Instant::now();
        let followed = self.fleet.followed().into_iter();
        let subjects: Vec<Subject> = followed.filter_map(Subject::new).collect();
        let queues: Vec<QueueName> = subjects.iter().map(|s| s.queue.clone()).collect();
        let sample = self.sampler.look(&queues).await;
        self.metrics.look.observe(began.elapsed().as_secs_f64());
        let decided = self.memory.decide(&subjects, &sample);
        let at = self.cx.clock.monotonic_ms();
        for (subject, decided) in subjects.iter().zip(&decided) {
            self.scale(subject, decided, at);
        }
        // One that hangs is waited for no longer.
        let _ = timeout(HEAD_START, self.scales_end()).await;
        let mut rows = Vec::with_capacity(subjects.len());
        for (number, (subject, decided)) in subjects.iter().zip(&decided).enumerate() {
            self.tell(number, subject, decided, &sample);
            rows.extend(self.row(number, subject, decided, &sample));
        }
        self.metrics.show(rows);
        let there: HashSet<&str> = subjects.iter().map(|s| s.uid.as_str()).collect();
        self.scales.forget_all_but(|uid| there.contains(uid));
        self.statuses.forget_all_but(|uid| there.contains(uid));
        self.metrics.tick.observe(began.elapsed().as_secs_f64());
    }

    async fn scales_end(&mut self) {
        while !self.scales.is_idle() {
            let (uid, ended) = self.scales.ended().await;
            self.scaled(&uid, ended);
        }
    }

    /// Begins to write the number, where it is another one and nothing speaks against it.
    fn scale(&mut self, subject: &Subject, decided: &Decided, at: u64) {
        let Decided { from, decision } = *decided;
        let workers = subject.followed.workers.as_ref();
        let Some(workers) = workers.filter(|_| from != decision.workers) else {
            // What was not taken before is not asked for any more; or there is no Deployment that could take it.
            self.scales.forgive(&subject.uid);
            return;
        };
        if !self.scales.is_free(&subject.uid) {
            return;
        }
        let wish = Wish {
            deployment: workers.deployment.clone(),
            from,
            to: decision.workers,
        };
        let (client, clock) = (self.cx.client.clone(), self.cx.clock.clone());
        let namespace = self.cx.settings.namespace.clone();
        let Followed { pipeline, kept, .. } = &subject.followed;
        let about = (!kept).then(|| pipeline.clone());
        self.scales.start(&subject.uid, async move {
            scale::write(client, &namespace, &wish).await?;
            Ok(Written {
                wish,
                decision,
                about,
                took: Duration::from_millis(clock.monotonic_ms().saturating_sub(at)),
            })
        });
    }

    fn scaled(&mut self, uid: &str, ended: Result<Written, crate::error::Failure>) {
        let count = |result| self.metrics.writes.get_or_create(&Ended { result }).inc();
        let written = match ended {
            Ok(written) => written,
            Err(failure) => {
                count(failure.category.label());
                if failure.category != Category::Superseded {
                    tracing::warn!(error = %chain(&failure), "the number of workers was not changed, will try again");
                }
                return;
            }
        };
        count("written");
        let Written {
            wish,
            decision,
            about,
            took,
        } = written;
        let reason = decision.reason.as_str();
        self.metrics.write.observe(took.as_secs_f64());
        self.metrics.decisions.get_or_create(&Why { reason }).inc();
        tracing::info!(
            deployment.name = %wish.deployment,
            from = wish.from,
            to = wish.to,
            reason,
            duration_ms = took.as_millis(),
            "asked for another number of workers"
        );
        self.memory
            .wrote(uid, wish.from, wish.to, self.cx.clock.monotonic_ms());
        if let Some(pipeline) = about {
            self.publish(News::scaled(&pipeline, wish.from, &decision));
        }
    }

    /// Begins to write the status, where there is something new to say and it is time.
    fn tell(&mut self, number: usize, subject: &Subject, decided: &Decided, sample: &Sample) {
        let Some(kept) = self.memory.get_mut(&subject.uid) else {
            return;
        };
        if subject.followed.kept || !self.statuses.is_free(&subject.uid) {
            return;
        }
        let pipeline = &subject.followed.pipeline;
        let read = || Told::read(pipeline.status.as_ref());
        // Now and then what stands there is looked at again: somebody else may have written it.
        let (before, passed) = match &kept.told {
            Some((told, at)) if sample.at.saturating_sub(*at) < status::NUMBERS => {
                (Some(told.clone()), sample.at.saturating_sub(*at))
            }
            _ => (read(), u64::MAX),
        };
        let now = Timestamp::from_millisecond(self.cx.clock.now_ms()).unwrap_or_default();
        let failed = self.scales.failed(&subject.uid);
        let queue = sample.queues.get(number);
        let told = Told::next(
            before.as_ref(),
            &status::News {
                decision: &decided.decision,
                no_queue: queue
                    .and_then(|look| look.as_ref().err())
                    .map(String::as_str),
                no_beats: sample.beats.as_ref().err().map(String::as_str),
                unseen: sample.at.saturating_sub(kept.known),
                unwritten: failed.map(|failed| (failed.reason, failed.message.as_str())),
                generation: pipeline.metadata.generation.unwrap_or_default(),
                now,
            },
        );
        if before
            .as_ref()
            .is_some_and(|before| !told.is_due(before, passed))
        {
            return;
        }
        let held = before.and_then(|before| News::held(pipeline, &before, &told));
        kept.told = Some((told.clone(), sample.at));
        let (client, pipeline) = (self.cx.client.clone(), pipeline.clone());
        self.statuses.start(&subject.uid, async move {
            tell::write(client, &pipeline, &told).await
        });
        if let Some(held) = held {
            self.publish(held);
        }
    }

    fn told(&mut self, uid: &str, ended: Result<(), crate::error::Failure>) {
        let Err(failure) = ended else { return };
        if failure.category != Category::Superseded {
            tracing::warn!(error = %chain(&failure), "a status was not written, will try again");
        }
        // What stands there is read again.
        if let Some(kept) = self.memory.get_mut(uid) {
            kept.told = None;
        }
    }

    fn publish(&mut self, news: News) {
        if self.events.len() >= EVENTS_WAITING {
            tracing::warn!(?news, "an Event is not told: too many wait");
            return;
        }
        let (events, slots) = (self.cx.events.clone(), self.events_slots.clone());
        self.events.spawn(async move {
            // It is never closed.
            let _slot = slots.acquire().await;
            news.tell(events).await;
        });
    }

    fn row(
        &mut self,
        number: usize,
        subject: &Subject,
        decided: &Decided,
        sample: &Sample,
    ) -> Option<Row> {
        let age = sample
            .at
            .saturating_sub(self.memory.get_mut(&subject.uid)?.known);
        let queue = sample.queues.get(number);
        Some(Row {
            tenant: subject.followed.tenant.to_string(),
            pipeline: subject.followed.pipeline.metadata.name.clone()?,
            desired: decided.decision.workers,
            replicas: subject.followed.workers.as_ref().map_or(0, |w| w.there),
            ready: queue
                .and_then(|look| look.as_ref().ok())
                .map(|look| look.ready),
            estimates: decided.decision.estimates,
            known: Instant::now().checked_sub(Duration::from_millis(age))?,
        })
    }
}
