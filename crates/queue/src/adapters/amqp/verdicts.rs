//! Which publish a returned message belongs to. Pure.
//!
//! The client library answers a publish with the broker's confirm and *some* returned message: it keeps returned messages
//! in the order they came, and hands the oldest to whichever confirm comes next. So with several publishes in flight the
//! confirm of a message that was stored may carry the return of another, and the confirm of the other may carry none
//! (`tests/mixed.rs` beside this module shows both). What it does keep:
//!
//! 1. The broker sends a return before the confirm of the same message, so when that confirm is answered its return is
//!    waiting, or was handed out with an earlier one.
//! 2. Each confirm takes one waiting return, if any waits.
//! 3. Never more returns wait than publishes are without a confirm.
//!
//! So a return is matched by its message id. A confirm that carries no return proves that none waited. One that carries
//! another's proves nothing about its own yet: it is held until a later confirm carries none, or until as many have come
//! as publishes were outstanding, by which time whatever waited has been handed out.

use std::collections::HashSet;

use sendry_domain::id::MessageId;

/// A publish that the broker has confirmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmed {
    /// Names the publish.
    pub key: u64,
    /// Its message.
    pub id: MessageId,
    /// Taken, not refused.
    pub ack: bool,
    /// The return that came with it, of whatever message.
    pub returned: Option<MessageId>,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// On stable storage.
    Stored,
    /// The queue is full.
    Full,
    /// No queue, neither its own nor the parked one.
    Unroutable,
}

/// The confirms of one channel.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Acked, but the return may still wait.
    held: Vec<Held>,
    /// Returned, and their own confirm has not been seen.
    returned: HashSet<MessageId>,
}

#[derive(Debug)]
struct Held {
    key: u64,
    id: MessageId,
    /// So many confirms more, and its return would have come.
    left: usize,
}

impl Verdicts {
    /// Takes confirms in, in any order, as long as every confirm that was answered before one of them is among them or
    /// came earlier. `outstanding` publishes are without a confirm after them. Tells every verdict that is certain.
    pub fn settle(
        &mut self,
        batch: &[Confirmed],
        outstanding: usize,
        mut tell: impl FnMut(u64, Verdict),
    ) {
        self.returned
            .extend(batch.iter().filter_map(|confirmed| confirmed.returned));
        let none_waited = batch.iter().any(|confirmed| confirmed.returned.is_none());
        let Self { held, returned } = self;
        held.retain_mut(|held| {
            if returned.remove(&held.id) {
                tell(held.key, Verdict::Unroutable);
                return false;
            }
            if none_waited || held.left <= batch.len() {
                tell(held.key, Verdict::Stored);
                return false;
            }
            held.left -= batch.len();
            true
        });
        for confirmed in batch {
            let was_returned = returned.remove(&confirmed.id);
            if !confirmed.ack {
                tell(confirmed.key, Verdict::Full);
            } else if was_returned {
                tell(confirmed.key, Verdict::Unroutable);
            } else if confirmed.returned.is_none() || outstanding == 0 {
                tell(confirmed.key, Verdict::Stored);
            } else {
                held.push(Held {
                    key: confirmed.key,
                    id: confirmed.id,
                    left: outstanding,
                });
            }
        }
    }

    /// The publishes whose fate stays open when the channel ends.
    pub fn into_open(self) -> impl Iterator<Item = u64> {
        self.held.into_iter().map(|held| held.key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;

    use super::*;

    fn id(n: u64) -> MessageId {
        MessageId(uuid::Uuid::from_u128(u128::from(n)))
    }

    proptest! {
        /// Against a model of the client library: whatever the order of confirms and however they are batched, each
        /// publish gets exactly its own verdict.
        #[test]
        fn each_publish_gets_its_own_verdict(
            routable in proptest::collection::vec(any::<bool>(), 1..80),
            order in any::<u64>(),
            batches in proptest::collection::vec(1usize..6, 1..80),
        ) {
            let total = routable.len();
            let mut bits = (0..64).cycle().map(|bit| order >> bit & 1 == 1);
            let (mut waiting, mut unconfirmed, mut sent) = (VecDeque::new(), Vec::new(), 0);
            let (mut verdicts, mut told) = (Verdicts::default(), BTreeMap::new());
            let (mut batch, mut batches) = (Vec::new(), batches.into_iter().cycle());
            let mut size = batches.next().unwrap();
            while told.len() < total {
                let publish = sent < total && (unconfirmed.is_empty() || bits.next().unwrap());
                if publish {
                    if !routable[sent] {
                        waiting.push_back(id(sent as u64));
                    }
                    unconfirmed.push(sent);
                    sent += 1;
                } else if !unconfirmed.is_empty() {
                    let at = if bits.next().unwrap() { 0 } else { unconfirmed.len() - 1 };
                    let n = unconfirmed.remove(at);
                    batch.push(Confirmed { key: n as u64, id: id(n as u64), ack: true, returned: waiting.pop_front() });
                }
                if batch.len() >= size || (unconfirmed.is_empty() && sent == total) {
                    batch.reverse();
                    verdicts.settle(&batch, unconfirmed.len(), |key, verdict| {
                        assert!(told.insert(key, verdict).is_none(), "{key} was told twice");
                    });
                    batch.clear();
                    size = batches.next().unwrap();
                }
            }
            for (n, routable) in routable.into_iter().enumerate() {
                let expected = if routable { Verdict::Stored } else { Verdict::Unroutable };
                prop_assert_eq!(told[&(n as u64)], expected, "publish {}", n);
            }
            prop_assert_eq!(verdicts.into_open().count(), 0);
        }
    }

    #[test]
    fn without_returns_nothing_is_held() {
        let mut verdicts = Verdicts::default();
        let mut told = Vec::new();
        let confirmed = |key, ack| Confirmed {
            key,
            id: id(key),
            ack,
            returned: None,
        };
        verdicts.settle(
            &[confirmed(1, true), confirmed(2, false)],
            250,
            |key, verdict| {
                told.push((key, verdict));
            },
        );
        assert_eq!(told, [(1, Verdict::Stored), (2, Verdict::Full)]);
    }
}
