//! The writer's promises: transactions are whole, and the log stays small.

use std::sync::Arc;

use sendry_domain::{
    dead_letter::DeadLetterId, id::TenantId, query::GroupBy, rollup::Level, series::SeriesKind,
};

use super::{super::failure::Failure, fresh};
use crate::{
    MetricStore, RawEvent, RawEventStore,
    contract::build::{NOW, arrive, event, request},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_caller_leaves_all_or_nothing() {
    let (_folder, _store, t) = fresh();
    for number in 0..60 {
        let events = request((0..10).map(|i| event().endpoint(&format!("/{number}/{i}"))));
        let arrivals = arrive(&[t.seal.message(number, &events)]);
        let port = t.store.clone();
        let call = tokio::spawn(async move { port.count(&arrivals, NOW).await.map(drop) });
        // At another moment every time: before it is queued, while it waits, while it runs.
        for _ in 0..number {
            tokio::task::yield_now().await;
        }
        call.abort();
        let _ = call.await;
    }
    // Behind everything that was queued.
    t.send(1_000, &request([event()])).await;
    let tally = t.tally().await;
    assert_eq!(tally.counted % 10, 1, "whole messages: {tally:?}");
}

#[tokio::test]
async fn a_panic_in_a_transaction_rolls_it_back_and_the_writer_goes_on() {
    let (_folder, store, t) = fresh();
    let tenant = TenantId::new("acme").unwrap();
    let bug = store.writer.transact::<()>(move |transaction, names| {
        names.of(transaction, &tenant)?;
        panic!("a bug");
    });
    let failure = bug.await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Panicked(text) if text == "a bug"),
        "{failure:?}"
    );
    assert_eq!(failure.at("metric", "test").category(), "damaged");
    assert!(
        t.groups(SeriesKind::Tenant, Level::Hour, GroupBy::Total)
            .await
            .is_empty()
    );
    t.send(1, &request([event()])).await;
    assert_eq!(t.account().await, (1, 1, 0, 0, 0));
}

#[tokio::test]
async fn a_panic_in_a_read_costs_its_connection_and_no_more() {
    let (_folder, store, t) = fresh();
    t.send(1, &request([event()])).await;
    for _ in 0..6 {
        let bug = store.readers.read::<()>(|_| panic!("a bug")).await;
        assert!(matches!(bug, Err(Failure::Panicked(_))), "{bug:?}");
    }
    assert_eq!(t.account().await, (1, 1, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_small_under_constant_load() {
    const MIB: u64 = 1024 * 1024;
    let (folder, store, t) = fresh();
    let log = folder.path().join("store.db-wal");
    let mut largest = 0;
    for number in 0..100u32 {
        let raw = |position| RawEvent {
            id: DeadLetterId {
                message: t.seal.id(number),
                position,
            },
            tenant: t.id.clone(),
            timestamp: NOW,
            service: "shop".to_owned(),
            endpoint: "/".to_owned(),
            method: "GET".to_owned(),
            status: 200,
            latency_us: 1,
            request_id: "r".to_owned(),
            body: "x".repeat(200_000),
        };
        let events: Vec<_> = (0..10).map(raw).collect();
        RawEventStore::insert(&*store, &events).await.unwrap();
        // Readers come and go meanwhile.
        store.ledger(&t.id).await.unwrap();
        largest = largest.max(std::fs::metadata(&log).unwrap().len());
    }
    assert!(largest > 8 * MIB, "the log was in use: {largest}");
    assert!(
        largest < 80 * MIB,
        "{} MiB of log for 200 MiB written",
        largest / MIB
    );
    drop(t);
    Arc::into_inner(store).unwrap();
    assert!(!log.exists());
}
