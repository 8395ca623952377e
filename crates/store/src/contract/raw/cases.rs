//! Raw events: stored once, listed by time, dropped by time.

use std::sync::Arc;

use sendry_domain::{dead_letter::DeadLetterId, time::UnixMillis};

use super::super::build::{NOW, Sealer, tenant};
use crate::{RawEvent, RawEventStore, RawQuery};

/// The event at `position` of message 1 of the tenant called `name`, `offset` ms after [`NOW`].
pub(super) fn raw(name: &str, position: u32, offset: i64) -> RawEvent {
    let tenant = tenant(name);
    let message = Sealer::new(&tenant).id(1);
    RawEvent {
        id: DeadLetterId { message, position },
        tenant,
        timestamp: NOW.plus(offset),
        service: "shop".to_owned(),
        endpoint: "/orders/:id".to_owned(),
        method: "GET".to_owned(),
        status: 200,
        latency_us: 1_500,
        request_id: "req-1".to_owned(),
        body: format!("{{\"n\":{position}}}"),
    }
}

pub(super) async fn insert(store: &Arc<dyn RawEventStore>, events: &[RawEvent]) {
    assert_eq!(store.insert(events).await.unwrap(), [0usize; 0]);
}

pub(super) async fn list(store: &Arc<dyn RawEventStore>, name: &str) -> Vec<RawEvent> {
    let query = RawQuery {
        from: UnixMillis(0),
        to: UnixMillis(NOW.0 * 2),
        limit: 1_000,
    };
    store.list(&tenant(name), &query).await.unwrap()
}

pub async fn an_event_stored_again_changes_nothing(store: Arc<dyn RawEventStore>) {
    store.check().await.unwrap();
    insert(&store, &[]).await;
    let events = [raw("again", 0, 0), raw("again", 1, 1), raw("again", 2, 2)];
    insert(&store, &events[..2]).await;
    insert(&store, &events).await;
    insert(&store, &[events[1].clone(), events[1].clone()]).await;
    let expected: Vec<_> = events.into_iter().rev().collect();
    assert_eq!(list(&store, "again").await, expected);
}

pub async fn of_two_contents_in_one_place_the_first_stays(store: Arc<dyn RawEventStore>) {
    let first = raw("first", 0, 0);
    let other = RawEvent {
        body: "{\"other\":true}".to_owned(),
        timestamp: NOW.plus(5),
        ..first.clone()
    };
    insert(&store, &[first.clone(), other.clone()]).await;
    insert(&store, &[other]).await;
    assert_eq!(list(&store, "first").await, [first]);
}

pub async fn events_are_listed_newest_first(store: Arc<dyn RawEventStore>) {
    let offsets = [5, -3, 9, 0, 7];
    let events = (0..)
        .zip(offsets)
        .map(|(p, offset)| raw("order", p, offset));
    insert(&store, &events.collect::<Vec<_>>()).await;
    let times: Vec<_> = list(&store, "order")
        .await
        .iter()
        .map(|e| e.timestamp.0 - NOW.0)
        .collect();
    assert_eq!(times, [9, 7, 5, 0, -3]);
    let query = RawQuery {
        from: NOW.plus(-10),
        to: NOW.plus(8),
        limit: 2,
    };
    let newest = store.list(&tenant("order"), &query).await.unwrap();
    let times: Vec<_> = newest.iter().map(|e| e.timestamp.0 - NOW.0).collect();
    assert_eq!(times, [7, 5], "the limit cuts the oldest");
}

pub async fn a_range_takes_its_start_and_not_its_end(store: Arc<dyn RawEventStore>) {
    let t = tenant("range");
    let events: Vec<_> = (0..10).map(|i| raw("range", i, i64::from(i))).collect();
    insert(&store, &events).await;
    let (from, to) = (NOW.plus(2), NOW.plus(5));
    assert_eq!(store.count(&t, from, to).await.unwrap(), 3);
    let query = RawQuery {
        from,
        to,
        limit: 100,
    };
    let listed = store.list(&t, &query).await.unwrap();
    assert_eq!(listed, [4, 3, 2].map(|i: usize| events[i].clone()));
    assert_eq!(store.count(&t, to, from).await.unwrap(), 0);
}

pub async fn every_field_and_byte_comes_back(store: Arc<dyn RawEventStore>) {
    let body = "{ \"b\" : 1.50,\t\"a\":\"\\u00e9 ü \\\" 漢 🦀\", \"a\":2 }";
    let event = RawEvent {
        endpoint: "(other)".to_owned(),
        method: "_OTHER".to_owned(),
        status: 0,
        latency_us: 86_400_000_000,
        request_id: String::new(),
        body: body.to_owned(),
        ..raw("bytes", 65_535, 0)
    };
    let large = RawEvent {
        body: format!("\"{}\"", "x".repeat(250_000)),
        ..raw("bytes", 1, -1)
    };
    insert(&store, &[event.clone(), large.clone()]).await;
    assert_eq!(list(&store, "bytes").await, [event, large]);
}

pub async fn purging_drops_what_is_older(store: Arc<dyn RawEventStore>) {
    let t = tenant("purge");
    // More than an adapter may drop in one go.
    let events: Vec<_> = (0..4_500).map(|i| raw("purge", i, i64::from(i))).collect();
    insert(&store, &events).await;
    store.purge(&t, NOW.plus(4_400)).await.unwrap();
    let all = async || {
        store
            .count(&t, UnixMillis(0), UnixMillis(i64::MAX))
            .await
            .unwrap()
    };
    let left = all().await;
    // A store with a TTL of its own drops nothing here; what it keeps must at least be whole.
    assert!(left == 100 || left == 4_500, "{left}");
    store.purge(&t, NOW.plus(4_400)).await.unwrap();
    assert_eq!(all().await, left);
}

pub async fn tenants_see_and_purge_their_own(store: Arc<dyn RawEventStore>) {
    insert(
        &store,
        &[raw("own-a", 0, 0), raw("own-b", 0, 0), raw("own-b", 1, 0)],
    )
    .await;
    assert_eq!(list(&store, "own-a").await, [raw("own-a", 0, 0)]);
    store.purge(&tenant("own-a"), NOW.plus(1)).await.unwrap();
    assert_eq!(list(&store, "own-b").await.len(), 2);
    assert!(list(&store, "own-nobody").await.is_empty());
}

pub async fn inserts_that_race_store_once(store: Arc<dyn RawEventStore>) {
    let events: Vec<_> = (0..200).map(|i| raw("race", i, i64::from(i))).collect();
    let mut tasks = Vec::new();
    for task in 0..8 {
        let (store, mut events) = (store.clone(), events.clone());
        tasks.push(tokio::spawn(async move {
            events.rotate_left(task * 25);
            for chunk in events.chunks(20) {
                insert(&store, chunk).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut listed = list(&store, "race").await;
    listed.reverse();
    assert_eq!(listed, events);
}
