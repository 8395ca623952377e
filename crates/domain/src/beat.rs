//! What a running process says of itself every [`EVERY`], and what follows from it.
//!
//! A broker does not tell how old its oldest message is, nor what its consumers still hold; the workers do. Who stopped
//! beating is told by the reader's own monotonic clock: a beat that has not changed for [`STALE_AFTER`] is no longer
//! believed, whatever the clocks of two machines say.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    id::{PipelineName, TenantId},
    ledger::OldestHead,
    routing::QueueName,
    time::UnixMillis,
};

/// Between two beats, in milliseconds.
pub const EVERY: u64 = 2_000;

/// A beat that has not changed for so long, in milliseconds, is of a process that is gone.
pub const STALE_AFTER: u64 = 10_000;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessRole {
    /// Accepts events.
    Ingest,
    /// Drains pipelines' queues.
    Worker,
    /// Drains tenants' parked queues.
    Keeper,
}

impl ProcessRole {
    /// The word in stores and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Worker => "worker",
            Self::Keeper => "keeper",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ingest, Self::Worker, Self::Keeper]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// One process, as it saw itself last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// One process (on Kubernetes the pod's uid, which a container that is started again keeps).
    pub instance: Uuid,
    /// What it does.
    pub role: ProcessRole,
    /// Grows with every beat, and from one start to the next ([`Sequence`]).
    pub sequence: u64,
    /// Its own clock, for people and for sweeping up; nothing is decided by it.
    pub at: UnixMillis,
    /// The queues it drains; empty for ingest.
    pub queues: Vec<QueueBeat>,
}

/// The numbers of a process's beats, which a store takes only while they grow.
///
/// A container that is started again in its pod is the same instance and remembers nothing, so its numbers follow the wall
/// clock: they are above all that the start before it used. Where the clock stepped back between the two, the beats are
/// refused for as long as it stepped back, and taken from then on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// The number of the next beat, at `now`.
    pub fn next(&mut self, now: UnixMillis) -> u64 {
        let clock = u64::try_from(now.0).unwrap_or(0);
        self.0 = clock.max(self.0.saturating_add(1));
        self.0
    }
}

/// One process and one queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueBeat {
    /// Whose queue.
    pub tenant: TenantId,
    /// Of which pipeline; absent for the parked queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineName>,
    /// Its consumers.
    pub consumers: u64,
    /// Messages it holds and has not acked.
    pub in_flight: u64,
    /// When the oldest of them was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<UnixMillis>,
    /// When the message that was delivered last, for the first time, to the consumer that is furthest behind was accepted;
    /// absent while one has been given nothing yet. A queue is first in, first out, so what is still ready is not older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<UnixMillis>,
    /// Messages processed since its start.
    pub messages: u64,
    /// Events processed since its start.
    pub events: u64,
    /// Microseconds spent processing since its start, all consumers together.
    pub busy_us: u64,
}

impl QueueBeat {
    /// The queue it is about.
    #[must_use]
    pub fn queue(&self) -> QueueName {
        match &self.pipeline {
            Some(pipeline) => QueueName::Pipeline(self.tenant.clone(), pipeline.clone()),
            None => QueueName::Parked(self.tenant.clone()),
        }
    }
}

/// How much waits in a queue, as far as the queue itself can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Messages not delivered yet.
    pub ready: u64,
    /// Messages delivered and not acked; `None` where the queue does not tell.
    pub unacknowledged: Option<u64>,
    /// Consumers attached; `None` where the queue does not tell.
    pub consumers: Option<u64>,
    /// The oldest message in either state, where the queue tells.
    pub oldest: OldestHead,
}

/// The oldest message of one queue, followed by a reader over time: what a broker does not tell, put together from how
/// much is ready and from what the processes that drain it say.
///
/// A beat is up to [`EVERY`] old, so one look proves nothing: a message may have been delivered since. Two do. What was
/// there at the first look had been delivered by then if nothing was ready; and if after it every consumer has said what
/// it holds, nothing older than that is left. While messages are ready, the head is not older than what was delivered
/// last for the first time, for a queue is first in, first out; but for what a process held that is gone: that is in the
/// queue again, and is kept in mind until the queue has been seen without anything ready.
#[derive(Debug, Default)]
pub struct Head {
    before: Option<Look>,
    known: Option<OldestHead>,
    /// The oldest message that each process held when it was seen last.
    held: HashMap<Uuid, UnixMillis>,
    /// The oldest message that a process held which is gone.
    orphan: Option<UnixMillis>,
}

#[derive(Debug)]
struct Look {
    at: UnixMillis,
    ready: u64,
    sequences: HashMap<Uuid, u64>,
}

/// A process and what it says of the queue.
pub type Drainer<'a> = (&'a Beat, &'a QueueBeat);

impl Head {
    /// Takes a look: the queue said `waiting` at `at`, and afterwards the processes alive said `drainers`. Returns
    /// `waiting` with what can be told of the rest; nothing accepted before
    /// [`OldestHead::AcceptedAt`] is left in the queue or with a worker.
    pub fn look(&mut self, at: UnixMillis, waiting: Waiting, drainers: &[Drainer<'_>]) -> Waiting {
        if waiting.oldest != OldestHead::Unknown {
            return waiting;
        }
        self.miss(drainers);
        let orphan = self.orphan;
        let held = drainers.iter().map(|(_, queue)| queue.in_flight).sum();
        let beating: u64 = drainers.iter().map(|(_, queue)| queue.consumers).sum();
        let told = waiting.consumers.unwrap_or(0) <= beating;
        let oldest_held = drainers.iter().filter_map(|(_, queue)| queue.oldest).min();
        let seen = self.before.as_ref().and_then(|before| {
            if waiting.ready > 0 {
                let reached = drainers.iter().map(|(_, queue)| queue.reached).min()??;
                let oldest = oldest_held
                    .into_iter()
                    .chain(orphan)
                    .chain([reached])
                    .min()?;
                return Some(OldestHead::AcceptedAt(oldest));
            }
            let news = |(beat, _): &Drainer<'_>| {
                before
                    .sequences
                    .get(&beat.instance)
                    .is_none_or(|s| *s < beat.sequence)
            };
            if before.ready > 0 || !drainers.iter().all(news) {
                return None;
            }
            Some(match (waiting.consumers, oldest_held) {
                (Some(0), None) if drainers.is_empty() => OldestHead::Empty,
                (_, oldest) => {
                    OldestHead::AcceptedAt(oldest.map_or(before.at, |o| o.min(before.at)))
                }
            })
        });
        if seen.is_some()
            || self
                .before
                .as_ref()
                .is_none_or(|before| before.ready != waiting.ready)
        {
            // A look that no beat has followed yet goes on standing, or two quick readers would never get an answer.
            self.before = Some(Look {
                at,
                ready: waiting.ready,
                sequences: drainers
                    .iter()
                    .map(|(beat, _)| (beat.instance, beat.sequence))
                    .collect(),
            });
        }
        if seen.is_some() || waiting.ready > 0 {
            self.known = seen;
        }
        if seen.is_some() && waiting.ready == 0 {
            // Whatever came back was delivered again, and is held by who has said so.
            self.orphan = None;
        }
        Waiting {
            unacknowledged: waiting.unacknowledged.or(told.then_some(held)),
            oldest: self.known.filter(|_| told).unwrap_or(OldestHead::Unknown),
            ..waiting
        }
    }

    /// Remembers what those held who are no longer there.
    fn miss(&mut self, drainers: &[Drainer<'_>]) {
        let there = |instance: &Uuid| drainers.iter().any(|(beat, _)| beat.instance == *instance);
        let gone = self.held.iter().filter(|(instance, _)| !there(instance));
        self.orphan = gone.map(|(_, oldest)| *oldest).chain(self.orphan).min();
        let held = |(beat, queue): &Drainer<'_>| Some((beat.instance, queue.oldest?));
        self.held = drainers.iter().filter_map(held).collect();
    }
}

/// A reader's memory of when each process was last seen to change.
#[derive(Debug, Default)]
pub struct Liveness {
    seen: HashMap<Uuid, (u64, u64)>,
}

impl Liveness {
    /// Of `beats`, those of processes that are alive at `now` (monotonic milliseconds of the reader). One that is met for
    /// the first time counts as alive until it proves otherwise.
    pub fn alive(&mut self, beats: Vec<Beat>, now: u64) -> Vec<Beat> {
        self.seen
            .retain(|instance, _| beats.iter().any(|beat| beat.instance == *instance));
        beats
            .into_iter()
            .filter(|beat| {
                let (sequence, since) = self
                    .seen
                    .entry(beat.instance)
                    .or_insert((beat.sequence, now));
                if *sequence != beat.sequence {
                    (*sequence, *since) = (beat.sequence, now);
                }
                now.saturating_sub(*since) <= STALE_AFTER
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_within_a_start_and_from_one_to_the_next() {
        let mut first = Sequence::default();
        let said = [5_000, 7_000, 7_000, 100, -1].map(|at| first.next(UnixMillis(at)));
        assert_eq!(said, [5_000, 7_000, 7_001, 7_002, 7_003]);
        assert!(Sequence::default().next(UnixMillis(9_000)) > said[4]);
    }

    fn waiting(ready: u64, consumers: u64) -> Waiting {
        Waiting {
            ready,
            unacknowledged: None,
            consumers: Some(consumers),
            oldest: OldestHead::Unknown,
        }
    }

    fn beat(instance: u128, sequence: u64, oldest: Option<i64>, reached: Option<i64>) -> Beat {
        let queue = QueueBeat {
            tenant: TenantId::new("acme").unwrap(),
            pipeline: None,
            consumers: 1,
            in_flight: u64::from(oldest.is_some()),
            oldest: oldest.map(UnixMillis),
            reached: reached.map(UnixMillis),
            messages: 0,
            events: 0,
            busy_us: 0,
        };
        Beat {
            instance: Uuid::from_u128(instance),
            role: ProcessRole::Worker,
            sequence,
            at: UnixMillis(0),
            queues: vec![queue],
        }
    }

    /// One look each, in order; what the last one told.
    fn looks(looks: &[(i64, Waiting, Vec<Beat>)]) -> Waiting {
        let mut head = Head::default();
        let mut told = waiting(0, 0);
        for (at, queue, beats) in looks {
            let drainers: Vec<_> = beats.iter().map(|b| (b, &b.queues[0])).collect();
            told = head.look(UnixMillis(*at), *queue, &drainers);
        }
        told
    }

    fn at(ms: i64) -> OldestHead {
        OldestHead::AcceptedAt(UnixMillis(ms))
    }

    #[test]
    fn what_a_queue_tells_itself_is_believed() {
        let queue = Waiting {
            unacknowledged: Some(1),
            oldest: at(7),
            ..waiting(3, 0)
        };
        assert_eq!(
            looks(&[(10, queue, vec![beat(1, 1, Some(1), None)])]),
            queue
        );
    }

    #[test]
    fn one_look_proves_nothing_and_two_tell_up_to_the_first() {
        let idle = |sequence| vec![beat(1, sequence, None, Some(50))];
        let first = (100, waiting(0, 1), idle(1));
        assert_eq!(
            looks(std::slice::from_ref(&first)).oldest,
            OldestHead::Unknown
        );
        let same_beat = (101, waiting(0, 1), idle(1));
        assert_eq!(
            looks(&[first.clone(), same_beat]).oldest,
            OldestHead::Unknown
        );
        let told = looks(&[first.clone(), (102, waiting(0, 1), idle(2))]);
        assert_eq!((told.oldest, told.unacknowledged), (at(100), Some(0)));
        let holding = (102, waiting(0, 1), vec![beat(1, 2, Some(60), Some(60))]);
        assert_eq!(looks(&[first, holding]).oldest, at(60));
    }

    #[test]
    fn a_consumer_that_does_not_beat_keeps_it_unknown() {
        let look = |t, s| (t, waiting(0, 2), vec![beat(1, s, None, Some(50))]);
        let told = looks(&[look(1, 1), look(2, 2), look(3, 3)]);
        assert_eq!(
            (told.oldest, told.unacknowledged),
            (OldestHead::Unknown, None)
        );
    }

    #[test]
    fn with_nobody_attached_two_looks_at_nothing_are_nothing() {
        let none = |t| (t, waiting(0, 0), vec![]);
        assert_eq!(looks(&[none(1)]).oldest, OldestHead::Unknown);
        assert_eq!(looks(&[none(1), none(2)]).oldest, OldestHead::Empty);
        let some = (1, waiting(3, 0), vec![]);
        assert_eq!(looks(&[some.clone(), some]).oldest, OldestHead::Unknown);
    }

    #[test]
    fn what_is_ready_is_not_older_than_what_every_worker_reached() {
        let two = |s| vec![beat(1, s, Some(3), Some(6)), beat(2, s, None, Some(5))];
        let told = looks(&[(10, waiting(5, 2), two(1)), (11, waiting(5, 2), two(2))]);
        assert_eq!((told.oldest, told.unacknowledged), (at(3), Some(1)));
        let fresh = |s| vec![beat(1, s, None, Some(6)), beat(2, s, None, None)];
        let told = looks(&[(10, waiting(5, 2), fresh(1)), (11, waiting(5, 2), fresh(2))]);
        assert_eq!(
            told.oldest,
            OldestHead::Unknown,
            "one was given nothing yet"
        );
    }

    #[test]
    fn what_a_process_held_that_is_gone_is_in_the_queue_again() {
        let both = |s| vec![beat(1, s, Some(3), Some(3)), beat(2, s, Some(9), Some(9))];
        let left = |s| vec![beat(2, s, Some(9), Some(9))];
        let mut story = vec![
            (10, waiting(5, 2), both(1)),
            (11, waiting(5, 2), both(2)),
            (12, waiting(6, 1), left(3)),
        ];
        assert_eq!(
            looks(&story).oldest,
            at(3),
            "not 9: message 3 is ready again"
        );
        // Delivered again, and settled.
        let idle = |s| vec![beat(2, s, None, Some(12))];
        story.extend([(20, waiting(0, 1), idle(4)), (21, waiting(0, 1), idle(5))]);
        assert_eq!(looks(&story).oldest, at(20));
        story.extend([(22, waiting(4, 1), left(6))]);
        assert_eq!(
            looks(&story).oldest,
            at(9),
            "forgotten once the queue was seen empty"
        );
    }

    #[test]
    fn a_process_is_gone_when_its_beat_no_longer_changes() {
        let beat = |sequence| Beat {
            instance: Uuid::from_u128(1),
            role: ProcessRole::Worker,
            sequence,
            at: UnixMillis(0),
            queues: Vec::new(),
        };
        let mut liveness = Liveness::default();
        assert_eq!(liveness.alive(vec![beat(1)], 0).len(), 1);
        assert_eq!(liveness.alive(vec![beat(1)], STALE_AFTER).len(), 1);
        assert_eq!(liveness.alive(vec![beat(1)], STALE_AFTER + 1).len(), 0);
        assert_eq!(liveness.alive(vec![beat(2)], STALE_AFTER + 2).len(), 1);
    }
}
