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

/// Why a queue is not known to be empty for good; as an error it says so to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEmpty {
    /// Something is ready.
    #[error("messages wait in it")]
    Ready,
    /// Something was delivered and not acknowledged.
    #[error("its workers hold messages that they have not acknowledged")]
    Held,
    /// Whatever the queue says, nobody would be given it.
    #[error("it has no consumer: no worker drains it")]
    NoConsumer,
    /// Who may hold something says nothing of it.
    #[error(
        "it has consumers that no process speaks for, and what they hold nobody knows: a worker that does not reach the \
         control store, or somebody else's consumer"
    )]
    Stranger,
    /// It has to be seen so twice.
    #[error("it was seen to be empty, and is looked at again")]
    Once,
    /// What a worker said of itself is from before.
    #[error("it is empty, and not every worker has said anew that it holds nothing")]
    Unheard,
    /// The broker's own count is not there.
    #[error("the broker does not say how much it holds in all")]
    Uncounted,
    /// The broker counts what nobody can be given.
    #[error("the broker counts messages in it, among them those on their way to the parked queue")]
    Counted,
    /// What the broker says is some seconds old.
    #[error("the broker has not counted nothing in it for long enough")]
    CountedNothingYet,
}

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
    /// Takes a look: the queue said `waiting`, and afterwards the processes alive said `drainers` of it.
    ///
    /// # Errors
    /// Why it is not empty for good, as far as is known.
    pub fn look(&mut self, waiting: &Waiting, drainers: &[Drainer<'_>]) -> Result<(), NotEmpty> {
        let sequences = || {
            drainers
                .iter()
                .map(|(beat, _)| (beat.instance, beat.sequence))
        };
        if let Err(why) = is_empty(waiting, drainers) {
            self.before = None;
            return Err(why);
        }
        let Some(before) = &self.before else {
            self.before = Some(sequences().collect());
            return Err(NotEmpty::Once);
        };
        let anew = |(who, now)| before.get(&who).is_none_or(|then| now > *then);
        if sequences().all(anew) {
            Ok(())
        } else {
            Err(NotEmpty::Unheard)
        }
    }

    /// The broker said at `now` that the queue, into which nothing comes any more, held `held` in all some time ago.
    ///
    /// # Errors
    /// Why it is not known to hold nothing.
    pub fn holds(&mut self, held: Option<u64>, now: u64) -> Result<(), NotEmpty> {
        if held != Some(0) {
            self.nothing_since = None;
            return Err(held.map_or(NotEmpty::Uncounted, |_| NotEmpty::Counted));
        }
        let since = *self.nothing_since.get_or_insert(now);
        if now.saturating_sub(since) >= TOLD_AFTER {
            Ok(())
        } else {
            Err(NotEmpty::CountedNothingYet)
        }
    }

    /// The queue could not be asked.
    pub fn unknown(&mut self) {
        self.before = None;
    }
}

fn is_empty(waiting: &Waiting, drainers: &[Drainer<'_>]) -> Result<(), NotEmpty> {
    let beating: u64 = drainers.iter().map(|(_, queue)| queue.consumers).sum();
    let held: u64 = drainers.iter().map(|(_, queue)| queue.in_flight).sum();
    let consumers = waiting.consumers.unwrap_or(0);
    if waiting.ready > 0 {
        Err(NotEmpty::Ready)
    } else if waiting.unacknowledged.unwrap_or(0) > 0 || held > 0 {
        Err(NotEmpty::Held)
    } else if consumers == 0 {
        Err(NotEmpty::NoConsumer)
    } else if consumers > beating {
        Err(NotEmpty::Stranger)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sendry_domain::{
        beat::{Beat, ProcessRole, QueueBeat},
        id::{PipelineName, TenantId},
        ledger::OldestHead,
        time::UnixMillis,
    };

    use super::{NotEmpty::*, *};

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
    fn looks(looks: &[(Waiting, Vec<Beat>)]) -> Vec<Result<(), NotEmpty>> {
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
        assert_eq!(
            looks(&[one(1), one(1), one(2)]),
            [Err(Once), Err(Unheard), Ok(())]
        );
        let two = |a, b| (waiting(0, 8), vec![worker(1, a, 4, 0), worker(2, b, 4, 0)]);
        assert_eq!(
            looks(&[two(1, 1), two(2, 1), two(2, 2)]),
            [Err(Once), Err(Unheard), Ok(())]
        );
    }

    #[test]
    fn what_is_ready_or_held_begins_it_anew() {
        let empty = |sequence| (waiting(0, 4), vec![worker(1, sequence, 4, 0)]);
        let ready = (waiting(1, 4), vec![worker(1, 2, 4, 0)]);
        assert_eq!(
            looks(&[empty(1), ready, empty(3), empty(4)]),
            [Err(Once), Err(Ready), Err(Once), Ok(())]
        );
        let held = (waiting(0, 4), vec![worker(1, 2, 4, 1)]);
        assert_eq!(
            looks(&[empty(1), held, empty(3), empty(4)]),
            [Err(Once), Err(Held), Err(Once), Ok(())]
        );
    }

    #[test]
    fn what_the_broker_says_it_holds_has_to_be_nothing_for_longer_than_that_is_old() {
        let holds = |told: &[(Option<u64>, u64)]| -> Vec<Result<(), NotEmpty>> {
            let mut emptiness = Emptiness::default();
            told.iter()
                .map(|(held, now)| emptiness.holds(*held, *now))
                .collect()
        };
        assert_eq!(
            holds(&[(Some(0), 5), (Some(0), 11_004), (Some(0), 11_005)]),
            [Err(CountedNothingYet), Err(CountedNothingYet), Ok(())]
        );
        for (other, why) in [(Some(1), Counted), (None, Uncounted)] {
            assert_eq!(
                holds(&[(Some(0), 5), (other, 9_000), (Some(0), 16_000)]),
                [Err(CountedNothingYet), Err(why), Err(CountedNothingYet)]
            );
        }
    }

    #[test]
    fn without_a_worker_or_with_one_that_says_nothing_it_is_unknown() {
        let nobody = || (waiting(0, 0), Vec::new());
        assert_eq!(looks(&[nobody(), nobody()]), [Err(NoConsumer); 2]);
        let silent = |sequence| (waiting(0, 8), vec![worker(1, sequence, 4, 0)]);
        assert_eq!(looks(&[silent(1), silent(2)]), [Err(Stranger); 2]);
        // Nor does a worker that has said nothing of consumers stand for those the broker sees.
        let gone = |sequence| (waiting(0, 0), vec![worker(1, sequence, 4, 0)]);
        assert_eq!(looks(&[gone(1), gone(2)]), [Err(NoConsumer); 2]);
    }
}
