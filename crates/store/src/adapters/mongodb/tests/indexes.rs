//! The indexes that `prepare` makes.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::{IndexModel, bson::doc};

use super::{
    super::{MongoOptions, MongoStore, index},
    database::TestDatabase,
    raw, stored,
};
use crate::RawEventStore;

async fn indexes(store: &MongoStore) -> Vec<IndexModel> {
    let cursor = store.events.list_indexes().await.unwrap();
    cursor.try_collect().await.unwrap()
}

/// After what time the server drops events; `None` where it keeps them.
async fn expiry(store: &MongoStore) -> Option<Duration> {
    let indexes = indexes(store).await;
    let named = |index: &&IndexModel| {
        let options = index.options.as_ref();
        options.and_then(|o| o.name.as_deref()) == Some(index::TTL)
    };
    let ttl = indexes.iter().find(named)?;
    assert_eq!(ttl.keys, doc! { "timestamp": 1 });
    ttl.options.as_ref()?.expire_after
}

#[tokio::test(flavor = "multi_thread")]
async fn events_expire_after_thirty_days() {
    let database = TestDatabase::new();
    let uri = database.options(None).uri;
    let store = MongoStore::connect(MongoOptions::new(uri)).await.unwrap();
    store.prepare().await.unwrap();
    let days = Duration::from_secs(30 * 24 * 60 * 60);
    assert_eq!(expiry(&store).await, Some(days));
    let keys: Vec<_> = indexes(&store).await.into_iter().map(|i| i.keys).collect();
    let queries = doc! { "tenant": 1, "timestamp": -1, "_id": -1 };
    assert!(keys.contains(&queries), "{keys:?}");
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_retention_takes_the_place_of_the_last() {
    let database = TestDatabase::new();
    let store = database.store().await;
    for days in [7, 7, 90] {
        let retention = Duration::from_secs(days * 24 * 60 * 60);
        let options = MongoOptions {
            retention,
            ..database.options(None)
        };
        let other = MongoStore::connect(options).await.unwrap();
        other.prepare().await.unwrap();
        assert_eq!(expiry(&store).await, Some(retention));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_processes_prepare_at_once() {
    let database = TestDatabase::new();
    let mut starting = Vec::new();
    for number in 0..8 {
        let store = MongoStore::connect(database.options(None)).await.unwrap();
        starting.push(tokio::spawn(async move {
            let event = raw(number, "{}".to_owned());
            let (prepared, inserted) =
                tokio::join!(store.prepare(), store.insert(std::slice::from_ref(&event)));
            prepared.unwrap();
            assert_eq!(inserted.unwrap(), [0usize; 0]);
            store
        }));
    }
    let mut last = None;
    for start in starting {
        last = Some(start.await.unwrap());
    }
    let store = last.unwrap();
    assert_eq!(indexes(&store).await.len(), 3);
    assert_eq!(stored(&store).await.len(), 8);
}
