//! What this process holds and has done, queue by queue, as it tells the others every [`beat::EVERY`].
//!
//! The autoscaler takes its rates from it; readers take how old the oldest message is, which no broker tells
//! ([`sendry_domain::beat::Head`]). So what is told must never be younger than the truth: a message counts as held from
//! before it is looked at until after its ack.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sendry_domain::{
    beat::{self, Beat, ProcessRole, QueueBeat, Sequence},
    routing::QueueName,
    time::UnixMillis,
};
use sendry_queue::Delivery;
use sendry_runtime::{clock::Clock, error_chain::chain};
use sendry_store::ControlStore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::stores::pause;

/// How long a beat may take: the next one says more.
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// All queues of this process; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Doings(Arc<Mutex<HashMap<QueueName, Arc<Doing>>>>);

/// One queue, all of its consumers here together.
#[derive(Debug, Default)]
pub struct Doing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Held messages by when they were accepted.
    held: BTreeMap<UnixMillis, u64>,
    consumers: usize,
    /// By consumer: the last message that was delivered to it for the first time.
    reached: HashMap<usize, UnixMillis>,
    messages: u64,
    events: u64,
    busy_us: u64,
}

impl Doings {
    /// The doing of a queue that `consumers` drain here.
    #[must_use]
    pub fn of(&self, queue: &QueueName, consumers: usize) -> Arc<Doing> {
        let doing = lock(&self.0).entry(queue.clone()).or_default().clone();
        lock(&doing.0).consumers = consumers;
        doing
    }

    /// As it stands now.
    #[must_use]
    pub fn beats(&self) -> Vec<QueueBeat> {
        let doings = lock(&self.0);
        let mut beats: Vec<_> = doings
            .iter()
            .map(|(queue, doing)| doing.beat(queue))
            .collect();
        beats.sort_by(|a, b| (&a.tenant, &a.pipeline).cmp(&(&b.tenant, &b.pipeline)));
        beats
    }
}

impl Doing {
    /// The `consumer` has been given messages.
    pub fn taken(&self, consumer: usize, deliveries: &[Delivery]) {
        let mut state = lock(&self.0);
        for delivery in deliveries {
            *state.held.entry(delivery.message.accepted_at).or_default() += 1;
            if delivery.delivered_before == 0 {
                state.reached.insert(consumer, delivery.message.accepted_at);
            }
        }
    }

    /// Messages were acked or given back. `done` events of theirs were processed, in `busy`.
    pub fn settled(&self, accepted: &[UnixMillis], done: u64, busy: Duration) {
        let mut state = lock(&self.0);
        for at in accepted {
            if let Some(count) = state.held.get_mut(at) {
                *count -= 1;
                if *count == 0 {
                    state.held.remove(at);
                }
            }
        }
        state.messages += accepted.len() as u64;
        state.events += done;
        let busy = u64::try_from(busy.as_micros()).unwrap_or(u64::MAX);
        state.busy_us = state.busy_us.saturating_add(busy);
    }

    fn beat(&self, queue: &QueueName) -> QueueBeat {
        let state = lock(&self.0);
        let pipeline = match queue {
            QueueName::Pipeline(_, pipeline) => Some(pipeline.clone()),
            QueueName::Parked(_) => None,
        };
        QueueBeat {
            tenant: queue.tenant().clone(),
            pipeline,
            consumers: state.consumers as u64,
            in_flight: state.held.values().sum(),
            oldest: state.held.keys().next().copied(),
            reached: (state.reached.len() >= state.consumers)
                .then(|| state.reached.values().min().copied())
                .flatten(),
            messages: state.messages,
            events: state.events,
            busy_us: state.busy_us,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the others until the process leaves, and then that it left.
pub async fn beat(
    instance: Uuid,
    role: ProcessRole,
    doings: Doings,
    control: Arc<dyn ControlStore>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut sequence = Sequence::default();
    loop {
        let at = UnixMillis(clock.now_ms());
        let beat = Beat {
            instance,
            role,
            sequence: sequence.next(at),
            at,
            queues: doings.beats(),
        };
        match tokio::time::timeout(WRITE_WITHIN, control.beat(&beat)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = %chain(&error), "no beat was written"),
            Err(_) => tracing::debug!("no beat was written in time"),
        }
        if pause(Duration::from_millis(beat::EVERY), &stop)
            .await
            .is_err()
        {
            break;
        }
    }
    // Best effort: a process that is gone is found out by its silence, too.
    let _ = tokio::time::timeout(WRITE_WITHIN, control.leave(instance)).await;
}

#[cfg(test)]
mod tests {
    use sendry_domain::id::{MessageId, PipelineName, TenantId};
    use sendry_queue::{DeliveryTag, Sealed};
    use sendry_runtime::clock::ManualClock;
    use sendry_store::adapters::sqlite::{Options, SqliteStore};

    use super::*;

    fn delivery(queue: &QueueName, at: i64, delivered_before: u32) -> Delivery {
        Delivery {
            tag: DeliveryTag(0),
            message: Sealed {
                queue: queue.clone(),
                id: MessageId(Uuid::nil()),
                events: 2,
                accepted_at: UnixMillis(at),
                body: Vec::new(),
            },
            delivered_before,
        }
    }

    #[test]
    fn the_oldest_held_and_the_least_reached_are_told() {
        let doings = Doings::default();
        let queue = QueueName::Pipeline(TenantId::new("acme").unwrap(), PipelineName::fallback());
        let doing = doings.of(&queue, 2);
        doing.taken(0, &[delivery(&queue, 5, 1), delivery(&queue, 9, 0)]);
        assert_eq!(doings.beats()[0].reached, None, "the other has nothing yet");
        doing.taken(1, &[delivery(&queue, 9, 0), delivery(&queue, 12, 0)]);
        let told = || doings.beats().remove(0);
        let at = |ms| Some(UnixMillis(ms));
        assert_eq!(
            (told().in_flight, told().oldest, told().reached),
            (4, at(5), at(9))
        );
        doing.settled(&[UnixMillis(5), UnixMillis(9)], 4, Duration::from_micros(7));
        let after = told();
        assert_eq!(
            (after.in_flight, after.oldest),
            (2, at(9)),
            "one of two accepted at 9 is left"
        );
        assert_eq!((after.messages, after.events, after.busy_us), (2, 4, 7));
        assert_eq!(after.queue(), queue);
    }

    /// Beats as one start until the store shows a beat at or after `now`, and ends without a word.
    async fn start_and_crash(instance: Uuid, control: &Arc<SqliteStore>, clock: Arc<ManualClock>) {
        let now = UnixMillis(clock.now_ms());
        let role = ProcessRole::Worker;
        let beating = beat(
            instance,
            role,
            Doings::default(),
            control.clone(),
            clock,
            CancellationToken::new(),
        );
        let taken = async {
            loop {
                let beats = control.beats().await.unwrap();
                if beats.iter().any(|beat| beat.at >= now) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = beating => panic!("it ended by itself"),
            () = taken => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => {
                panic!("no beat at {now:?} was taken: {:?}", control.beats().await);
            }
        }
    }

    #[tokio::test]
    async fn a_container_started_again_in_its_pod_is_heard_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("store.db"), Options::default()).unwrap();
        let (store, clock) = (Arc::new(store), ManualClock::at(1_000_000));
        let pod = Uuid::from_u128(7);
        for _ in 0..2 {
            start_and_crash(pod, &store, clock.clone()).await;
            clock.advance(3_000);
        }
    }
}
