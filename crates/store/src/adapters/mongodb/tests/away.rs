//! The server goes away, does not answer, or was never there.

use std::time::Duration;

use tokio::{net::TcpListener, time::Instant};

use super::{
    super::{MongoOptions, MongoStore},
    database::TestDatabase,
    proxy::{Mode, Proxy},
    raw, stored,
};
use crate::{
    RawEvent, RawEventStore, RawQuery, StoreError,
    contract::build::{NOW, tenant},
};

/// Until something must have happened.
const DEADLINE: Duration = Duration::from_secs(30);

/// About 1 MB.
fn batch() -> Vec<RawEvent> {
    (0..2_000)
        .map(|p| raw(p, format!("\"{}\"", "x".repeat(300))))
        .collect()
}

fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> bool {
    match answer.unwrap_err() {
        StoreError::Unavailable {
            store: "raw",
            unknown,
            ..
        } => unknown,
        other => panic!("not unavailable: {other:?}"),
    }
}

async fn killed_in_the_middle(mode: Mode) {
    let database = TestDatabase::new();
    let direct = database.store().await;
    let proxy = Proxy::start().await;
    let store = MongoStore::connect(database.options(Some(proxy.address)))
        .await
        .unwrap();
    store.check().await.unwrap();
    let batch = batch();
    proxy.set(mode);
    assert!(
        unavailable(store.insert(&batch).await),
        "it may have been stored"
    );
    assert_eq!(
        proxy.mode(),
        Mode::Away,
        "the insert never came to the chosen byte"
    );
    assert!(
        !unavailable(store.insert(&batch).await),
        "no server was there"
    );
    unavailable(store.check().await);
    proxy.set(Mode::Pass);
    let deadline = Instant::now() + DEADLINE;
    loop {
        match store.insert(&batch).await {
            Ok(refused) => break assert_eq!(refused, [0usize; 0]),
            Err(error) => assert!(Instant::now() < deadline, "last seen: {error:?}"),
        }
    }
    assert!(stored(&direct).await == batch, "not exactly once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_during_a_request_stores_once_when_it_is_back() {
    killed_in_the_middle(Mode::CutRequest(400_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_before_its_reply_stores_once_when_it_is_back() {
    killed_in_the_middle(Mode::CutReply(400_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_hangs_no_call() {
    // Connections are accepted by the system, and nobody reads.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("mongodb://{}/x", listener.local_addr().unwrap());
    let started = Instant::now();
    let store = MongoStore::connect(MongoOptions::new(uri)).await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    every_call_fails_soon(&store, Duration::from_secs(11)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_hangs_no_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("mongodb://{}/x", listener.local_addr().unwrap());
    drop(listener);
    let store = MongoStore::connect(MongoOptions::new(uri)).await.unwrap();
    every_call_fails_soon(&store, Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_hangs_no_call() {
    let database = TestDatabase::new();
    let direct = database.store().await;
    let proxy = Proxy::start().await;
    let options = MongoOptions {
        time_out: Duration::from_secs(2),
        ..database.options(Some(proxy.address))
    };
    let store = MongoStore::connect(options).await.unwrap();
    store.insert(&batch()[..1]).await.unwrap();
    proxy.set(Mode::Silent);
    let started = Instant::now();
    assert!(unavailable(store.insert(&batch()).await));
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    proxy.set(Mode::Pass);
    let deadline = Instant::now() + DEADLINE;
    while let Err(error) = store.insert(&batch()).await {
        assert!(Instant::now() < deadline, "last seen: {error:?}");
    }
    assert!(stored(&direct).await == batch(), "not exactly once");
}

/// Every operation of the port.
async fn every_call_fails_soon(store: &MongoStore, limit: Duration) {
    let tenant = tenant("t");
    let query = RawQuery {
        from: NOW,
        to: NOW.plus(1),
        limit: 1,
    };
    let batch = batch();
    let started = Instant::now();
    let (check, insert, list, count, purge, prepare) = tokio::join!(
        store.check(),
        store.insert(&batch),
        store.list(&tenant, &query),
        store.count(&tenant, NOW, NOW.plus(1)),
        store.purge(&tenant, NOW),
        store.prepare(),
    );
    unavailable(check);
    unavailable(insert);
    unavailable(list);
    unavailable(count);
    unavailable(purge);
    unavailable(prepare);
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
}
