//! Many workers and readers at once, and every order a queue may produce.

use std::{collections::BTreeMap, sync::Arc};

use sendry_domain::{
    message::Message,
    query::GroupBy,
    rollup::{Cell, Level},
    series::{Series, SeriesKind},
    time::HOUR,
};

use super::{
    super::build::{EventBuilder, NOW, Request, all, event, request},
    View,
};
use crate::MetricStore;

/// The `n`th of the events that everybody races for.
fn contested(n: usize) -> EventBuilder {
    event()
        .id(&format!("e-{n}"))
        .endpoint(&format!("/c/{}", n % 9))
        .status([200, 404, 500][n % 3])
        .with("latencyMs", 1 + n % 40)
        .at(NOW.plus(-(n as i64 % 30) * HOUR))
}

pub async fn racing_duplicates_count_once(store: Arc<dyn MetricStore>) {
    const EVENTS: usize = 200;
    const TASKS: u32 = 8;
    let t = View::of(&store, "race");
    let batch = request((0..40).map(|i| event().with("latencyMs", 1 + i))).batch(7);
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let (t, batch) = (t.clone(), batch.clone());
        tasks.push(tokio::spawn(async move {
            // Everybody has all events, each in another order and in other messages, and everybody the same batch; some
            // messages are the same for all.
            let mut order: Vec<_> = (0..EVENTS).collect();
            order.rotate_left(task as usize * 25);
            for (number, chunk) in order.chunks(20).enumerate() {
                let events = request(chunk.iter().map(|n| contested(*n)));
                let own = t.seal.message(1_000 + task * 100 + number as u32, &events);
                let shared = request((0..10).map(|n| contested(number * 20 + n)));
                t.count(&[own, t.seal.message(number as u32, &shared)])
                    .await;
            }
            t.send(500 + task, &batch).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (received, counted, duplicates, conflicts, dead) = t.account().await;
    assert_eq!(counted as usize, EVENTS + 40);
    // Own messages, the shared ones once, and the batches.
    assert_eq!(received as usize, 8 * EVENTS + 10 * 10 + 8 * 40);
    assert_eq!((conflicts, dead), (0, 0));
    assert_eq!(duplicates, received - counted);
    store.derive_levels().await.unwrap();
    for level in Level::ALL {
        let total = t.total(SeriesKind::Status, level).await;
        assert_eq!(total.count as usize, EVENTS + 40, "{level:?}");
    }
}

pub async fn readers_see_whole_messages_only(store: Arc<dyn MetricStore>) {
    const SIZE: u64 = 50;
    let t = View::of(&store, "snapshots");
    let writer = t.clone();
    let writing = tokio::spawn(async move {
        for number in 0..40 {
            let events = (0..SIZE).map(|i| event().endpoint(&format!("/s/{}", i % 10)));
            writer.send(number, &request(events)).await;
        }
    });
    let mut last = 0;
    loop {
        let finished = writing.is_finished();
        for kind in SeriesKind::ALL {
            let count = t.total(kind, Level::Minute).await.count;
            assert_eq!(count % SIZE, 0, "{kind:?}");
            assert!(count >= last, "what was seen once is seen ever after");
            last = count;
        }
        assert_eq!(store.ledger(&t.id).await.unwrap().tally.residual(), 0);
        if finished {
            break;
        }
    }
    writing.await.unwrap();
    assert_eq!(
        t.total(SeriesKind::Tenant, Level::Day).await.count,
        40 * SIZE
    );
}

pub async fn deriving_beside_counting_loses_nothing(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "derive-beside");
    let writer = t.clone();
    let writing = tokio::spawn(async move {
        for number in 0..60 {
            let hours = (0..20).map(|i| NOW.plus(-(i * 2 + number % 3) * HOUR));
            let events = hours.map(|at| event().at(at)).collect::<Vec<_>>();
            writer.send(number as u32, &request(events)).await;
        }
    });
    while !writing.is_finished() {
        store.derive_levels().await.unwrap();
        // One question, one snapshot: its days and its hours must agree.
        let hours = t.total(SeriesKind::Tenant, Level::Hour).await.count;
        let days = t.total(SeriesKind::Tenant, Level::Day).await.count;
        let months = t.total(SeriesKind::Tenant, Level::Month).await.count;
        assert!(hours <= days && days <= months, "{hours} {days} {months}");
    }
    writing.await.unwrap();
    for _ in 0..2 {
        store.derive_levels().await.unwrap();
        for level in Level::ALL {
            let count = t.total(SeriesKind::Status, level).await.count;
            assert_eq!(count, 60 * 20, "{level:?}");
        }
    }
}

pub async fn random_orders_splits_and_repeats_give_the_bytes_of_one_shot(
    store: Arc<dyn MetricStore>,
) {
    for seed in 1..=6 {
        let mut random = Random(seed);
        let requests = requests(&mut random);
        let events = all(&requests);
        let once = View::of(&store, &format!("one-shot-{seed}"));
        once.count(&[once.seal.seal(1, &requests, &events)]).await;

        let many = View::of(&store, &format!("many-shots-{seed}"));
        let mut messages = split(&many, &requests, &mut random);
        for _ in 0..random.below(6) {
            let again = messages[random.below(messages.len())].clone();
            messages.insert(random.below(messages.len()), again);
        }
        let mut rest = &messages[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at((1 + random.below(3)).min(rest.len()));
            many.count(now).await;
            rest = later;
            if random.below(4) == 0 {
                store.derive_levels().await.unwrap();
            }
        }
        for level in Level::ALL {
            for kind in SeriesKind::ALL {
                let (a, b) = (
                    bytes(&once, kind, level).await,
                    bytes(&many, kind, level).await,
                );
                assert_eq!(a, b, "seed {seed}, {kind:?}, {level:?}");
            }
        }
        let tally = many.tally().await;
        assert_eq!(tally.counted, events.len() as i64, "seed {seed}");
        assert_eq!((tally.conflicts, tally.dead_open), (0, 0), "seed {seed}");
    }
}

/// Requests with and without names for their events and for themselves, so that each can be sent again.
fn requests(random: &mut Random) -> Vec<Request> {
    let one = |number: usize, random: &mut Random| {
        let batched = random.below(2) == 0;
        let events = (0..1 + random.below(12)).map(|i| {
            let n = random.below(90);
            let plain = contested(n).with("eventId", serde_json::Value::Null);
            // Without a batch only its own name makes an event the same one when it is grouped otherwise.
            if !batched || random.below(2) == 0 {
                plain.id(&format!("r{number}-{i}"))
            } else {
                plain
            }
        });
        let request = request(events.collect::<Vec<_>>());
        if batched {
            request.batch(1_000 + number as u128)
        } else {
            request
        }
    };
    (0..2 + random.below(5)).map(|n| one(n, random)).collect()
}

/// All events in a random order and random messages, one or two times over.
fn split(t: &View, requests: &[Request], random: &mut Random) -> Vec<Message> {
    let mut messages = Vec::new();
    for _ in 0..1 + random.below(2) {
        let mut order = all(requests);
        for i in 0..order.len() {
            let j = random.below(order.len());
            order.swap(i, j);
        }
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at((1 + random.below(7)).min(rest.len()));
            messages.push(t.seal.seal(10 + messages.len() as u32, requests, now));
            rest = later;
        }
    }
    messages
}

/// Everything that is stored of a kind and level, histograms in their stored form.
async fn bytes(t: &View, kind: SeriesKind, level: Level) -> BTreeMap<Series, (Cell, Vec<u8>)> {
    let groups = t.groups(kind, level, GroupBy::Series).await;
    let stored = groups.into_iter().map(|group| {
        let histogram = group.total.histogram.encode();
        (group.series, (group.total, histogram))
    });
    stored.collect()
}

/// A small generator (SplitMix64), so that a failing seed fails again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}
