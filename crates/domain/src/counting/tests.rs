//! The protocol as a whole: a ledger in memory, and everything a queue may do to a set of requests.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;
use crate::{
    bitmap::Bitmap,
    dead_letter::State,
    fingerprint::Fingerprint,
    id::{KeyId, MessageId, PipelineName, TenantId},
    ledger::Tally,
    message::{BatchRef, Message, MessageEvent, RequestRef, Scope, VERSION},
    rollup::{BucketKey, Cell, fold},
    time::{HOUR, UnixMillis},
    window::Window,
};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

fn event(name: Option<&str>, latency: u32) -> String {
    let id = name
        .map(|n| format!("\"eventId\":\"{n}\","))
        .unwrap_or_default();
    format!(
        "{{{id}\"timestamp\":{},\"serviceName\":\"s{}\",\"endpoint\":\"/e/{}\",\"method\":\"GET\",\"statusCode\":{},\"latencyMs\":{}.5}}",
        NOW.0 - i64::from(latency) * 7_919,
        latency % 2,
        latency % 3,
        [200, 404, 500][latency as usize % 3],
        latency,
    )
}

/// A client request: its batch id, if any, and its events.
#[derive(Clone, Debug)]
struct Request {
    batch: Option<Uuid>,
    events: Vec<String>,
}

/// Seals the given events (request, index) into one message.
fn seal(id: u128, requests: &[Request], picks: &[(usize, usize)]) -> Message {
    let prints = |r: &Request| Fingerprint::of_batch(r.events.iter().map(String::as_bytes));
    Message {
        v: VERSION,
        id: MessageId(Uuid::from_u128(id)),
        tenant: tenant(),
        pipeline: PipelineName::fallback(),
        accepted_at: NOW,
        scope: Scope::Live,
        requests: requests
            .iter()
            .map(|r| RequestRef {
                request_id: "r".to_owned(),
                key_id: KeyId::new("k").unwrap(),
                batch: r.batch.map(|id| BatchRef {
                    id,
                    fingerprint: prints(r),
                }),
            })
            .collect(),
        events: picks
            .iter()
            .map(|&(request, index)| {
                let body = &requests[request].events[index];
                MessageEvent {
                    request: request as u32,
                    index: index as u32,
                    fingerprint: Some(Fingerprint::of_event(body.as_bytes())),
                    body: RawValue::from_string(body.clone()).unwrap(),
                }
            })
            .collect(),
    }
}

/// A store in memory: the transaction of the module doc.
#[derive(Default)]
struct Memory {
    known: Known,
    buckets: BTreeMap<BucketKey, Cell>,
    tally: Tally,
    dead: Vec<crate::dead_letter::DeadLetter>,
    raw: BTreeMap<(MessageId, u32), String>,
}

impl Memory {
    fn deliver(&mut self, messages: &[Message]) -> Verdict {
        let arrivals: Vec<Arrival> = messages
            .iter()
            .map(|m| Arrival::read(m.clone(), Window::default()))
            .collect();
        let verdict = judge(&arrivals, &self.known, NOW, UnixMillis(0));
        let counted = verdict.counted.iter().map(|&(a, p)| {
            arrivals[a].events[p as usize]
                .parsed
                .as_ref()
                .expect("counted events are valid")
        });
        for (key, cell) in fold(counted, UnixMillis(0)) {
            self.buckets.entry(key).or_default().merge(&cell);
        }
        for (id, row) in &verdict.messages {
            self.known.messages.insert(*id, row.won.clone());
        }
        self.known.sources.extend(verdict.sources.clone());
        self.known
            .events
            .extend(verdict.events.iter().map(|(k, row)| (*k, row.content)));
        verdict.tallies.values().for_each(|t| self.tally.add(t));
        self.dead.extend(verdict.dead.iter().cloned());
        for (arrival, won) in arrivals.iter().zip(&verdict.won) {
            for p in won.positions.iter() {
                let body = arrival.events[p as usize].body.get().to_owned();
                self.raw.entry((arrival.id, p)).or_insert(body);
            }
        }
        verdict
    }
}

fn picks(requests: &[Request]) -> Vec<(usize, usize)> {
    requests
        .iter()
        .enumerate()
        .flat_map(|(r, q)| (0..q.events.len()).map(move |i| (r, i)))
        .collect()
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let one = (
        any::<bool>(),
        prop::collection::vec((any::<bool>(), 0u32..60), 1..8),
    );
    prop::collection::vec(one, 1..6).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(r, (has_batch, events))| {
                // Without a batch id only the client's own ids survive a resend as new bytes.
                let name = |i: usize| format!("ev-{r}-{i}");
                Request {
                    batch: has_batch.then(|| Uuid::from_u128(1_000 + r as u128)),
                    events: events
                        .iter()
                        .enumerate()
                        .map(|(i, (named, latency))| {
                            let id = name(i);
                            event((*named || !has_batch).then_some(id.as_str()), *latency)
                        })
                        .collect(),
                }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn any_order_split_and_duplication_folds_to_the_same_bytes(
        requests in requests(),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
        sizes in prop::collection::vec(1usize..7, 40),
        redeliver in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        resend in any::<bool>(),
        per_call in 1usize..4,
    ) {
        let all = picks(&requests);
        let mut once = Memory::default();
        once.deliver(&[seal(1, &requests, &all)]);

        // The same events in another order, cut into other messages, resent under new ids, redelivered at random.
        let mut order = all.clone();
        for (i, index) in shuffle.iter().enumerate().take(order.len()) {
            let j = index.index(order.len());
            order.swap(i, j);
        }
        let mut messages = vec![];
        for round in 0..=u128::from(resend) {
            let mut rest = &order[..];
            for (n, size) in sizes.iter().enumerate() {
                let (head, tail) = rest.split_at((*size).min(rest.len()));
                if !head.is_empty() {
                    messages.push(seal(100 + round * 1_000 + n as u128, &requests, head));
                }
                rest = tail;
            }
            if !rest.is_empty() {
                messages.push(seal(99 + round * 1_000, &requests, rest));
            }
        }
        for index in redeliver {
            let again = messages[index.index(messages.len())].clone();
            messages.push(again);
        }
        let mut many = Memory::default();
        messages.chunks(per_call).for_each(|chunk| { many.deliver(chunk); });

        let bytes = |m: &Memory| -> Vec<_> {
            m.buckets.iter().map(|(k, c)| (k.clone(), c.count, c.latency_sum_us, c.histogram.encode())).collect()
        };
        prop_assert_eq!(bytes(&many), bytes(&once));
        prop_assert_eq!(many.tally.residual(), 0);
        prop_assert_eq!(many.tally.counted, all.len() as i64);
        prop_assert_eq!(many.raw.len(), all.len());
        prop_assert_eq!(many.tally.conflicts + many.tally.dead_open, 0);
    }
}

#[test]
fn a_redelivered_message_gets_the_same_positions_and_tallies_nothing() {
    let requests = [Request {
        batch: None,
        events: vec![event(None, 1), "{}".to_owned(), event(None, 2)],
    }];
    let message = seal(1, &requests, &picks(&requests));
    let mut memory = Memory::default();
    let first = memory.deliver(std::slice::from_ref(&message));
    let tally = memory.tally;
    assert_eq!((tally.received, tally.counted, tally.dead_open), (3, 2, 1));
    let again = memory.deliver(&[message]);
    assert!(again.won[0].redelivered && !first.won[0].redelivered);
    assert_eq!(again.won[0].positions, first.won[0].positions);
    assert_eq!(
        (memory.tally, memory.dead.len(), again.counted.len()),
        (tally, 1, 0)
    );
}

#[test]
fn the_same_identity_with_other_content_is_a_kept_conflict() {
    let mut memory = Memory::default();
    let named = |latency| {
        [Request {
            batch: None,
            events: vec![event(Some("order-1"), latency)],
        }]
    };
    let batch = |latency| {
        [Request {
            batch: Some(Uuid::from_u128(5)),
            events: vec![event(None, 1), event(None, latency)],
        }]
    };
    memory.deliver(&[
        seal(1, &named(1), &[(0, 0)]),
        seal(2, &batch(2), &[(0, 0), (0, 1)]),
    ]);
    let verdict = memory.deliver(&[
        seal(3, &named(2), &[(0, 0)]),
        seal(4, &batch(3), &[(0, 0), (0, 1)]),
    ]);
    assert_eq!(
        (
            memory.tally.conflicts,
            memory.tally.counted,
            memory.tally.residual()
        ),
        (3, 3, 0)
    );
    assert!(
        verdict
            .dead
            .iter()
            .all(|d| d.state == State::Conflict && !d.replayable)
    );
    assert!(verdict.dead[0].body.contains("order-1"));
}

#[test]
fn a_resend_after_a_partial_rejection_counts_only_what_is_missing() {
    let request = [Request {
        batch: Some(Uuid::from_u128(5)),
        events: (0..4).map(|i| event(None, i)).collect(),
    }];
    let mut memory = Memory::default();
    memory.deliver(&[seal(1, &request, &[(0, 0), (0, 2)])]);
    memory.deliver(&[seal(2, &request, &picks(&request))]);
    assert_eq!((memory.tally.counted, memory.tally.duplicates), (4, 2));
}

#[test]
fn a_minted_id_that_comes_back_counts_once() {
    let mut memory = Memory::default();
    let request = [Request {
        batch: None,
        events: vec![event(None, 1)],
    }];
    let message = seal(77, &request, &[(0, 0)]);
    let minted = crate::identity::mint(message.place(0).unwrap());
    memory.deliver(&[message]);
    let back = [Request {
        batch: Some(Uuid::from_u128(9)),
        events: vec![event(Some(&minted), 1)],
    }];
    memory.deliver(&[seal(2, &back, &[(0, 0)])]);
    assert_eq!(
        (
            memory.tally.counted,
            memory.tally.duplicates,
            memory.tally.conflicts
        ),
        (1, 1, 0)
    );
}

#[test]
fn below_the_floor_is_too_late_and_claims_its_identity() {
    let mut memory = Memory::default();
    memory.known.floors.insert(tenant(), NOW.plus(HOUR));
    let request = [Request {
        batch: None,
        events: vec![event(Some("late"), 1)],
    }];
    memory.deliver(&[seal(1, &request, &[(0, 0)]), seal(2, &request, &[(0, 0)])]);
    assert_eq!((memory.tally.dead_open, memory.tally.duplicates), (1, 1));
    assert_eq!(
        (memory.dead[0].reason.as_str(), memory.dead[0].replayable),
        ("too_late", false)
    );
}

#[test]
fn what_was_accepted_before_an_erasure_leaves_no_trace_and_what_comes_later_counts() {
    let mut memory = Memory::default();
    memory.known.erased.insert(tenant(), NOW.plus(1));
    let request = [Request {
        batch: None,
        events: vec![event(Some("a"), 1), "{}".to_owned()],
    }];
    let late = seal(1, &request, &[(0, 0), (0, 1)]);
    let verdict = memory.deliver(std::slice::from_ref(&late));
    assert_eq!(verdict.won[0].positions, Bitmap::default());
    assert!(verdict.messages.is_empty() && verdict.events.is_empty() && verdict.dead.is_empty());
    assert!(verdict.tallies.is_empty() && verdict.counted.is_empty());
    // The same events sent again to a tenant that was made again.
    let again = Message {
        accepted_at: NOW.plus(1),
        ..seal(2, &request, &[(0, 0), (0, 1)])
    };
    let verdict = memory.deliver(&[late, again]);
    let mut first = Bitmap::default();
    first.insert(0);
    assert_eq!(verdict.won[1].positions, first);
    assert_eq!((memory.tally.counted, memory.tally.dead_open), (1, 1));
    assert_eq!(memory.tally.received, 2);
}

#[test]
fn of_repeats_in_one_message_the_lowest_position_wins() {
    let twice = [Request {
        batch: None,
        events: vec![event(Some("a"), 1), event(Some("a"), 1)],
    }];
    let mut memory = Memory::default();
    let verdict = memory.deliver(&[seal(1, &twice, &[(0, 0), (0, 1)])]);
    let mut first = Bitmap::default();
    first.insert(0);
    assert_eq!(verdict.won[0].positions, first);
    assert_eq!((memory.tally.counted, memory.tally.duplicates), (1, 1));
}
