//! Connections that are cut, locks that are not given, rows that no build wrote.

use std::time::Duration;

use sendry_domain::{
    query::{Detail, Filter, FoldSpec, GroupBy},
    rollup::Level,
    series::SeriesKind,
};
use sqlx::Connection;

use super::{stage::TestDatabase, view};
use crate::{
    MetricStore, StoreError,
    contract::{
        build::{NOW, arrive, event, request},
        metrics::everything,
    },
};

fn total() -> FoldSpec {
    FoldSpec {
        kind: SeriesKind::Tenant,
        filter: Filter::default(),
        slices: vec![everything(Level::Hour)],
        group: GroupBy::Total,
        points: [].into(),
        detail: Detail::None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_whose_connections_are_cut_are_unavailable_and_right_when_repeated() {
    const MESSAGES: u32 = 60;
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    let t = view(&store, "cut");
    let cutting = tokio::spawn({
        let mut server = database.connection().await;
        async move {
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'sendry'
                             AND state = 'active'";
            let mut cut = 0;
            while cut < 25 {
                let now: i64 = sqlx::query_scalar(sql)
                    .fetch_one(&mut server)
                    .await
                    .unwrap();
                cut += now;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let mut failures = 0;
    let mut number = 0;
    while number < MESSAGES || !cutting.is_finished() {
        let events = (0..50).map(|i| event().id(&format!("{number}-{i}")));
        let message = t.seal.message(number, &request(events));
        loop {
            match store
                .count(&arrive(std::slice::from_ref(&message)), NOW)
                .await
            {
                Ok(_) => break,
                Err(StoreError::Unavailable { .. }) => failures += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        number += 1;
    }
    cutting.await.unwrap();
    assert!(failures > 0, "nothing was cut");
    let tally = t.tally().await;
    let sent = i64::from(number) * 50;
    assert_eq!((tally.received, tally.counted), (sent, sent), "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_given_is_unavailable_and_leaves_no_name_behind() {
    let database = TestDatabase::migrated().await;
    let mut options = database.options().role("sendry_worker");
    options.lock_timeout = Duration::from_secs(1);
    let store = super::super::PostgresStore::connect(options).await.unwrap();
    let t = view(&store, "locked");
    let message = t.seal.message(1, &request([event()]));
    let other = t.seal.message(9, &request([event().endpoint("/first")]));
    // Both would tally in the same row.
    assert_eq!(
        sendry_domain::ledger::shard(message.id),
        sendry_domain::ledger::shard(t.seal.id(1))
    );
    store.count(&arrive(&[other]), NOW).await.unwrap();
    let mut holder = database.connection().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("LOCK TABLE tally IN EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .unwrap();
    let refused = store
        .count(&arrive(std::slice::from_ref(&message)), NOW)
        .await;
    let Err(StoreError::Unavailable { unknown: false, .. }) = refused else {
        panic!("{refused:?}");
    };
    held.rollback().await.unwrap();
    // The series that the failed count had inserted is gone, and this one inserts it again.
    store.count(&arrive(&[message]), NOW).await.unwrap();
    assert_eq!(t.account().await, (2, 2, 0, 0, 0));
    let names = t.by_series(SeriesKind::Endpoint, Level::Hour).await;
    assert_eq!(names.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_unavailable() {
    let database = TestDatabase::migrated().await;
    let mut options = database.options().role("sendry_worker");
    // What nothing holds up takes less on any machine.
    options.read_timeout = Duration::from_secs(2);
    let store = super::super::PostgresStore::connect(options).await.unwrap();
    let t = view(&store, "slow");
    t.send(1, &request([event()])).await;
    let mut holder = database.connection().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("LOCK TABLE bucket IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .unwrap();
    let read = store.fold(&t.id, total()).await;
    assert!(
        matches!(read, Err(StoreError::Unavailable { unknown: false, .. })),
        "{read:?}"
    );
    held.rollback().await.unwrap();
    store.fold(&t.id, total()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_histogram_that_cannot_be_read_is_damage_to_readers_and_to_writers() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    let t = view(&store, "damaged");
    t.send(1, &request([event()])).await;
    database
        .execute("UPDATE bucket SET histogram = '\\xff'")
        .await;
    let read = store.fold(&t.id, total()).await;
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    let before = store.ledger(&t.id).await.unwrap();
    // In every shard, so that one meets the spoiled rows.
    for number in 2..20 {
        let message = t.seal.message(number, &request([event()]));
        let counted = store.count(&arrive(&[message]), NOW).await;
        assert!(
            matches!(counted, Err(StoreError::Damaged { .. })),
            "{counted:?}"
        );
    }
    let after = store.ledger(&t.id).await.unwrap();
    assert_eq!(after, before, "nothing half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_stays_at_the_largest_integer() {
    let database = TestDatabase::migrated().await;
    let t = view(&database.store().await, "large");
    // Three thousand bodies of the largest size that is accepted: over 2⁶³ bytes in one bucket.
    for number in 0..3 {
        let large = event().with("responseSize", 1u64 << 53);
        t.send(number, &request(vec![large; 1_000])).await;
    }
    let total = t.total(SeriesKind::Status, Level::Hour).await;
    assert_eq!(
        (total.count, total.bytes_out),
        (3_000, i64::MAX.unsigned_abs())
    );
}
