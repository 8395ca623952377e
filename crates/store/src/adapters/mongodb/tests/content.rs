//! What is in a batch: duplicates and documents that no server takes.

use mongodb::bson::doc;

use super::{super::COLLECTION, database::TestDatabase, raw, stored};
use crate::RawEventStore;

fn small(position: u32) -> crate::RawEvent {
    raw(position, format!("{{\"n\":{position}}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_in_the_middle_of_a_batch_keep_nothing_back() {
    let database = TestDatabase::new();
    let store = database.store().await;
    let there: Vec<_> = [3, 4, 11].map(small).into();
    store.insert(&there).await.unwrap();
    let batch: Vec<_> = (0..20).map(small).collect();
    for _ in 0..2 {
        assert_eq!(store.insert(&batch).await.unwrap(), [0usize; 0]);
        assert_eq!(stored(&store).await, batch);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_document_is_refused_alone() {
    let database = TestDatabase::new();
    let store = database.store().await;
    let mut batch: Vec<_> = (0..10).map(small).collect();
    batch[2].body = "x".repeat(17_000_000);
    // Passes our own look at sizes, and is a few bytes too large all the same.
    batch[7].body = "x".repeat(16 * 1024 * 1024 - 100);
    for _ in 0..2 {
        assert_eq!(store.insert(&batch).await.unwrap(), [2, 7]);
    }
    let mut kept = batch.clone();
    kept.remove(7);
    kept.remove(2);
    assert_eq!(stored(&store).await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_the_server_refuses_is_refused_alone() {
    let database = TestDatabase::new();
    let store = database.store().await;
    let rule = doc! { "collMod": COLLECTION, "validator": { "status": { "$lt": 500 } } };
    store.database.run_command(rule).await.unwrap();
    let mut batch: Vec<_> = (0..10).map(small).collect();
    batch[1].status = 503;
    batch[5].latency_us = u64::MAX;
    batch[9].status = 500;
    for _ in 0..2 {
        assert_eq!(store.insert(&batch).await.unwrap(), [1, 5, 9]);
    }
    assert_eq!(stored(&store).await.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_takes_any_number_of_events() {
    let database = TestDatabase::new();
    let store = database.store().await;
    // More than a command in documents, and more than a command in bytes.
    let mut batch: Vec<_> = (0..4_100).map(small).collect();
    batch[1_000].body = "x".repeat(9_000_000);
    batch[1_001].body = "y".repeat(7_900_000);
    batch[1_002].body = "z".repeat(7_900_000);
    assert_eq!(store.insert(&batch).await.unwrap(), [0usize; 0]);
    assert!(stored(&store).await == batch, "not what was inserted");
}
