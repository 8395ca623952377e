//! Is a queue empty for good? Pure.
//!
//! A broker does not tell what its consumers hold, and the depth of a busy queue may read as zero for a moment. So a queue
//! that nothing comes into any more is empty when it was seen so twice, with a worker attached, and when between the two
//! every process that drains it has said anew that it holds nothing. A consumer that nobody speaks for makes it unknown.
//!
//! Neither tells of what exceeded its delivery limit and waits in the queue until the parked queue has taken it. The broker
//! counts that, but what it says is seconds old; so it has to say that the queue holds nothing at all for as long as that.

use std::collections::HashMap;

use sendry_domain::beat::{Drainer, Waiting};
use uuid::Uuid;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Emptiness {
    /// The beats that went with the first look at an empty queue.
    before: Option<HashMap<Uuid, u64>>,
    /// Since when, on our own clock, the broker has said that it holds nothing at all.
    nothing_since: Option<u64>,
}

/// How old at most what a broker says of all that a queue holds may be, in milliseconds: it collects every 5 s what its
/// queues tell every 5 s.
const TOLD_AFTER: u64 = 11_000;

impl Emptiness {
    /// Takes a look: the queue said `waiting`, and afterwards the processes alive said `drainers` of it. Says whether it is
    /// empty for good.
    pub fn look(&mut self, waiting: &Waiting, drainers: &[Drainer<'_>]) -> bool {
        let sequences = || {
            drainers
                .iter()
                .map(|(beat, _)| (beat.instance, beat.sequence))
        };
        if !is_empty(waiting, drainers) {
            self.before = None;
            return false;
        }
        let Some(before) = &self.before else {
            self.before = Some(sequences().collect());
            return false;
        };
        sequences().all(|(who, now)| before.get(&who).is_none_or(|then| now > *then))
    }

    /// The broker said at `now` that the queue, into which nothing comes any more, held `held` in all some time ago. Says
    /// whether it is known to hold nothing.
    pub fn holds(&mut self, held: Option<u64>, now: u64) -> bool {
        if held != Some(0) {
            self.nothing_since = None;
            return false;
        }
        let since = *self.nothing_since.get_or_insert(now);
        now.saturating_sub(since) >= TOLD_AFTER
    }

    /// The queue could not be asked.
    pub fn unknown(&mut self) {
        self.before = None;
    }
}

fn is_empty(waiting: &Waiting, drainers: &[Drainer<'_>]) -> bool {
    let beating: u64 = drainers.iter().map(|(_, queue)| queue.consumers).sum();
    let held: u64 = drainers.iter().map(|(_, queue)| queue.in_flight).sum();
    let consumers = waiting.consumers.unwrap_or(0);
    waiting.ready == 0
        && waiting.unacknowledged.unwrap_or(0) == 0
        && held == 0
        && consumers > 0
        && consumers <= beating
}

#[cfg(test)]
mod tests {
    use sendry_domain::{
        beat::{Beat, ProcessRole, QueueBeat},
        id::{PipelineName, TenantId},
        ledger::OldestHead,
        time::UnixMillis,
    };

    use super::*;

    fn waiting(ready: u64, consumers: u64) -> Waiting {
        Waiting {
            ready,
            unacknowledged: None,
            consumers: Some(consumers),
            oldest: OldestHead::Unknown,
        }
    }

    fn worker(instance: u128, sequence: u64, consumers: u64, in_flight: u64) -> Beat {
        Beat {
            instance: Uuid::from_u128(instance),
            role: ProcessRole::Worker,
            sequence,
            at: UnixMillis(0),
            queues: vec![QueueBeat {
                tenant: TenantId::new("acme").unwrap(),
                pipeline: Some(PipelineName::fallback()),
                consumers,
                in_flight,
                oldest: None,
                reached: None,
                messages: 0,
                events: 0,
                busy_us: 0,
            }],
        }
    }

    /// What each look says, one after the other.
    fn looks(looks: &[(Waiting, Vec<Beat>)]) -> Vec<bool> {
        let mut emptiness = Emptiness::default();
        let look = |(waiting, beats): &(Waiting, Vec<Beat>)| {
            let drainers: Vec<Drainer<'_>> = beats.iter().map(|b| (b, &b.queues[0])).collect();
            emptiness.look(waiting, &drainers)
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn empty_twice_with_news_of_every_worker_is_empty() {
        let one = |sequence| (waiting(0, 4), vec![worker(1, sequence, 4, 0)]);
        assert_eq!(looks(&[one(1), one(1), one(2)]), [false, false, true]);
        let two = |a, b| (waiting(0, 8), vec![worker(1, a, 4, 0), worker(2, b, 4, 0)]);
        assert_eq!(
            looks(&[two(1, 1), two(2, 1), two(2, 2)]),
            [false, false, true]
        );
    }

    #[test]
    fn what_is_ready_or_held_begins_it_anew() {
        let empty = |sequence| (waiting(0, 4), vec![worker(1, sequence, 4, 0)]);
        let ready = (waiting(1, 4), vec![worker(1, 2, 4, 0)]);
        assert_eq!(
            looks(&[empty(1), ready, empty(3), empty(4)]),
            [false, false, false, true]
        );
        let held = (waiting(0, 4), vec![worker(1, 2, 4, 1)]);
        assert_eq!(
            looks(&[empty(1), held, empty(3), empty(4)]),
            [false, false, false, true]
        );
    }

    #[test]
    fn what_the_broker_says_it_holds_has_to_be_nothing_for_longer_than_that_is_old() {
        let holds = |told: &[(Option<u64>, u64)]| -> Vec<bool> {
            let mut emptiness = Emptiness::default();
            told.iter()
                .map(|(held, now)| emptiness.holds(*held, *now))
                .collect()
        };
        assert_eq!(
            holds(&[(Some(0), 5), (Some(0), 11_004), (Some(0), 11_005)]),
            [false, false, true]
        );
        for other in [Some(1), None] {
            assert_eq!(
                holds(&[(Some(0), 5), (other, 9_000), (Some(0), 16_000)]),
                [false; 3]
            );
        }
    }

    #[test]
    fn without_a_worker_or_with_one_that_says_nothing_it_is_unknown() {
        let nobody = || (waiting(0, 0), Vec::new());
        assert_eq!(looks(&[nobody(), nobody(), nobody()]), [false; 3]);
        let silent = |sequence| (waiting(0, 8), vec![worker(1, sequence, 4, 0)]);
        assert_eq!(looks(&[silent(1), silent(2), silent(3)]), [false; 3]);
        // Nor does a worker that has said nothing of consumers stand for those the broker sees.
        let gone = |sequence| (waiting(0, 0), vec![worker(1, sequence, 4, 0)]);
        assert_eq!(looks(&[gone(1), gone(2), gone(3)]), [false; 3]);
    }
}
