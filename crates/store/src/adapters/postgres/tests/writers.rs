//! Several processes that count at once: each has connections and memory of its own.

use std::{collections::BTreeSet, sync::Arc};

use sendry_domain::{
    endpoint_guard::{LIMIT, OTHER},
    query::GroupBy,
    rollup::Level,
    series::SeriesKind,
    time::HOUR,
};

use sqlx::Connection;

use super::{stage::TestDatabase, view};
use crate::{
    MetricStore,
    contract::{
        build::{EventBuilder, NOW, arrive, event, request},
        metrics::View,
    },
};

const WRITERS: u32 = 4;

async fn writers(database: &TestDatabase, tenant: &str) -> Vec<View> {
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(view(&database.store().await, tenant));
    }
    writers
}

/// Runs `work` in every writer at once.
async fn race<F: Future<Output = ()> + Send + 'static>(
    writers: &[View],
    work: impl Fn(u32, View) -> F,
) {
    let tasks = writers
        .iter()
        .zip(0..)
        .map(|(writer, number)| tokio::spawn(work(number, writer.clone())));
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// The `n`th of the events that everybody has.
fn shared(n: usize) -> EventBuilder {
    event()
        .id(&format!("shared-{n}"))
        .endpoint(&format!("/c/{}", n % 40))
        .status([200, 404, 500][n % 3])
        .at(NOW.plus(-(n as i64 % 7) * HOUR))
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_duplicates_and_conflicts_of_four_writers_count_once() {
    const EVENTS: usize = 400;
    let database = TestDatabase::migrated().await;
    let writers = writers(&database, "four").await;
    let batch = request((0..60).map(|i| event().with("latencyMs", 1 + i))).batch(7);
    race(&writers, |number, t| {
        let batch = batch.clone();
        async move {
            for round in 0..10usize {
                // The same events from another place on, in messages of one's own, several a call.
                let mut messages = Vec::new();
                for part in 0..4 {
                    let from = round * 40 + part * 100 + number as usize * 17;
                    let events = request((0..50).map(|i| shared((from + i * 3) % EVENTS)));
                    let id = 1_000 + number * 1_000 + round as u32 * 10 + part as u32;
                    messages.push(t.seal.message(id, &events));
                }
                // A message that all writers have, and a conflict with what all others say of an event.
                let common = request((0..5).map(|i| shared(round * 5 + i)));
                messages.push(t.seal.message(round as u32, &common));
                let wrong = event().id(&format!("shared-{round}")).endpoint("/wrong");
                messages.push(
                    t.seal
                        .message(20_000 + number * 100 + round as u32, &request([wrong])),
                );
                // A batch in two halves, grouped by each writer in its own order.
                let halves = [0..30, 30..60];
                let half = halves[(round + number as usize) % 2].clone();
                let picks: Vec<_> = half.map(|i| (0, i)).collect();
                let id = 30_000 + number * 100 + round as u32;
                messages.push(t.seal.seal(id, std::slice::from_ref(&batch), &picks));
                t.count(&messages).await;
            }
        }
    })
    .await;
    // What nobody has sent by chance, and the rest of the events.
    let rest = request((0..EVENTS).map(shared));
    writers[0].send(90_000, &rest).await;
    let tally = writers[1].tally().await;
    assert_eq!(tally.counted as usize, EVENTS + 60, "{tally:?}");
    assert!(tally.conflicts > 0, "{tally:?}");
    let mut by_level = Vec::new();
    writers[2].store.derive_levels().await.unwrap();
    for level in Level::ALL {
        for kind in SeriesKind::ALL {
            by_level.push(writers[3].total(kind, level).await.count as usize);
        }
    }
    assert_eq!(by_level, [EVENTS + 60; 16]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_on_endpoints_holds_exactly_for_four_writers() {
    let database = TestDatabase::migrated().await;
    let writers = writers(&database, "limit").await;
    race(&writers, |number, t| async move {
        for round in 0..6u32 {
            // Half of them are everybody's, half are one's own: 300 + 4 × 300 names.
            let name = |i: u32| match i % 2 {
                0 => format!("/all/{}", round * 50 + i / 2),
                _ => format!("/own/{number}/{}", round * 50 + i / 2),
            };
            let events = request((0..100).map(|i| event().endpoint(&name(i))));
            t.send(number * 100 + round, &events).await;
        }
    })
    .await;
    let series = writers[0]
        .by_series(SeriesKind::Endpoint, Level::Hour)
        .await;
    let names: BTreeSet<_> = series.keys().filter_map(|s| s.endpoint.clone()).collect();
    assert_eq!(names.len(), LIMIT + 1);
    assert!(names.contains(OTHER));
    // All writers say the same of one message.
    let events = request((0..100).map(|i| event().endpoint(&format!("/own/{}/{i}", i % 4))));
    let mut folded = Vec::new();
    for writer in &writers {
        folded.push(writer.send(7_000, &events).await.folded);
    }
    assert!(folded.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn four_derivations_beside_four_writers_lose_nothing() {
    let database = TestDatabase::migrated().await;
    let writers = writers(&database, "derive").await;
    race(&writers, |number, t| async move {
        for round in 0..25 {
            let hours = (0..10).map(|i| NOW.plus(-(i * 5 + round % 3) * HOUR));
            let events = request(hours.map(|at| event().at(at)));
            t.send(number * 100 + round as u32, &events).await;
            t.store.derive_levels().await.unwrap();
        }
    })
    .await;
    let total = u64::from(WRITERS) * 25 * 10;
    for _ in 0..2 {
        for level in Level::ALL {
            let count = writers[0].total(SeriesKind::Tenant, level).await.count;
            assert_eq!(count, total, "{level:?}");
        }
        writers[1].store.derive_levels().await.unwrap();
    }
    let mut server = database.connection().await;
    let marks: i64 = sqlx::query_scalar("SELECT count(*) FROM dirty")
        .fetch_one(&mut server)
        .await
        .unwrap();
    assert_eq!(marks, 0, "everything has come to rest and is derived");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_derivation_waits_for_the_counts_that_have_seen_the_mark() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    let t = view(&store, "mark");
    t.send(1, &request([event()])).await;
    // Somebody holds the tallies, so the next count stops after it has found the day marked already.
    let mut holder = database.connection().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("LOCK TABLE tally IN EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .unwrap();
    let counting = tokio::spawn({
        let t = t.clone();
        async move { t.send(2, &request([event()])).await }
    });
    database.wait_for_locks(1).await;
    let mut deriving = tokio::spawn(async move { store.derive_levels().await });
    // It waits; were it to go on, it would take the mark away that the count relies on.
    let went_on = tokio::select! {
        () = database.wait_for_locks(2) => false,
        _ = &mut deriving => true,
    };
    held.rollback().await.unwrap();
    counting.await.unwrap();
    if !went_on {
        deriving.await.unwrap().unwrap();
    }
    for level in Level::ALL {
        assert_eq!(
            t.total(SeriesKind::Tenant, level).await.count,
            2,
            "{level:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_of_many_calls_stand_in_several_rows_and_are_read_as_one() {
    let database = TestDatabase::migrated().await;
    let store = Arc::new(database.store().await);
    let t = view(&store, "shards");
    for number in 0..40 {
        let messages = [t.seal.message(number, &request([event(), event()]))];
        store.count(&arrive(&messages), NOW).await.unwrap();
    }
    let mut server = database.connection().await;
    let sql = "SELECT count(DISTINCT b.shard), count(DISTINCT t.shard) FROM bucket b, tally t WHERE b.kind = 0";
    let shards: (i64, i64) = sqlx::query_as(sql).fetch_one(&mut server).await.unwrap();
    assert!(shards.0 > 4 && shards.0 == shards.1, "{shards:?}");
    let groups = t
        .groups(SeriesKind::Tenant, Level::Minute, GroupBy::Series)
        .await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].total.count, 80);
    assert_eq!(t.tally().await.counted, 80);
}
