//! What stands in the file, and when.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;

use super::{Options, SqliteQueue, open, queue_named, side_door};
use crate::{
    EventQueue, Sealed,
    adapters::sqlite::OpenError,
    contract::stage::{assert_same, by_id, message, tags, take},
};

#[tokio::test]
async fn counts_survive_a_reopen_exactly() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(&dir, Options::default());
    let sent: Vec<Sealed> = (0..4).map(|n| message(&name, n)).collect();
    for message in &sent {
        queue.publish(message.clone()).await.unwrap();
    }
    for _ in 0..2 {
        // Message 3 is put back without blame each time, the others go with their consumer.
        let mut consumer = queue.consume(&name).await.unwrap();
        let taken = take(consumer.as_mut(), 4).await;
        let third = taken
            .iter()
            .find(|delivery| delivery.message == sent[3])
            .unwrap();
        consumer.put_back(&[third.tag], false).await.unwrap();
    }
    drop(queue);
    let queue = open(&dir, Options::default());
    let mut consumer = queue.consume(&name).await.unwrap();
    let again = take(consumer.as_mut(), 4).await;
    assert_same(&again, &sent);
    for delivery in &again {
        let before = if delivery.message == sent[3] { 0 } else { 2 };
        assert_eq!(delivery.delivered_before, before, "{delivery:?}");
    }
}

#[tokio::test]
async fn a_cancelled_next_is_not_counted() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(&dir, Options::default());
    let sent: Vec<Sealed> = (0..20).map(|n| message(&name, n)).collect();
    for message in &sent {
        queue.publish(message.clone()).await.unwrap();
    }
    let mut consumer = queue.consume(&name).await.unwrap();
    for attempt in 0..300 {
        let patience = Duration::from_micros(attempt * 7);
        let next = consumer.next(100, Duration::from_secs(1));
        if let Ok(batch) = tokio::time::timeout(patience, next).await {
            consumer
                .put_back(&tags(&batch.unwrap()), false)
                .await
                .unwrap();
        }
    }
    drop((consumer, queue));
    let queue = open(&dir, Options::default());
    let mut consumer = queue.consume(&name).await.unwrap();
    let taken = take(consumer.as_mut(), 20).await;
    assert_same(&taken, &sent);
    assert!(
        taken.iter().all(|delivery| delivery.delivered_before == 0),
        "{taken:?}"
    );
}

/// What a kill or a power loss leaves is the file and its log as they are at that moment. The log is shorter than what
/// starts a checkpoint, so that copying one after the other is one moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_under_load_has_every_confirmed_message() {
    let (dir, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let name = queue_named("orders");
    let queue = Arc::new(open(&dir, Options::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let confirmed = Arc::new(tokio::sync::Mutex::new(Vec::new()));
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..4 {
        let (queue, name) = (Arc::clone(&queue), name.clone());
        let (stop, confirmed) = (Arc::clone(&stop), Arc::clone(&confirmed));
        publishers.spawn(async move {
            for n in (0..40).take_while(|_| !stop.load(Ordering::Relaxed)) {
                let message = message(&name, publisher * 1_000 + n);
                queue.publish(message.clone()).await.unwrap();
                confirmed.lock().await.push(message);
            }
        });
    }
    while confirmed.lock().await.len() < 40 {
        tokio::task::yield_now().await;
    }
    let sure: Vec<Sealed> = confirmed.lock().await.clone();
    for file in ["queue.db", "queue.db-wal"] {
        std::fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    publishers.join_all().await;

    let revived = open(&copy, Options::default());
    let mut consumer = revived.consume(&name).await.unwrap();
    let ready = revived.depth(&name).await.unwrap().ready as usize;
    let found = take(consumer.as_mut(), ready).await;
    let found = by_id(found.iter().map(|delivery| &delivery.message));
    let lost: Vec<_> = sure
        .iter()
        .filter(|sent| found.get(&sent.id) != Some(sent))
        .collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
}

#[test]
fn a_file_in_use_is_refused() {
    let dir = TempDir::new().unwrap();
    let _first = open(&dir, Options::default());
    let second = SqliteQueue::open(dir.path().join("queue.db"), Options::default());
    assert!(matches!(second, Err(OpenError::InUse { .. })));
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir, Options::default()));
    side_door(&dir)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let Err(error) = SqliteQueue::open(dir.path().join("queue.db"), Options::default()) else {
        panic!("opened a file of form 99");
    };
    assert!(
        error
            .to_string()
            .contains("form 99, this build knows up to 1"),
        "{error}"
    );
    let form: i64 = side_door(&dir)
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(form, 99);
}
