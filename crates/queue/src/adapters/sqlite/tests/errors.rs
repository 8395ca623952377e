//! A file that misbehaves: triggers make one statement, one transaction or one COMMIT fail.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinSet};

use super::{Options, inbox::publish, lone_writer, open, queue_named, side_door};
use crate::{
    EventQueue, PublishError, Sealed,
    adapters::sqlite::{
        SqliteQueue,
        inbox::{Change, Job, Settle},
    },
    contract::stage::{assert_same, message, nothing_comes, tags, take},
};

/// Numbers of events that make a message fail.
const BAD_ITEM: u32 = 601;
const BAD_TRANSACTION: u32 = 602;
const BAD_COMMIT: u32 = 603;

fn sabotage(dir: &TempDir) {
    let sql = format!(
        "CREATE TABLE trap (no INTEGER REFERENCES queue (no) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER bad_item BEFORE INSERT ON message WHEN new.events = {BAD_ITEM}
             BEGIN SELECT RAISE(ABORT, 'bad item'); END;
         CREATE TRIGGER bad_transaction BEFORE INSERT ON message WHEN new.events = {BAD_TRANSACTION}
             BEGIN SELECT RAISE(ROLLBACK, 'bad transaction'); END;
         CREATE TRIGGER bad_commit BEFORE INSERT ON message WHEN new.events = {BAD_COMMIT}
             BEGIN INSERT INTO trap VALUES (-1); END;"
    );
    side_door(dir).execute_batch(&sql).unwrap();
}

fn bad(n: u32, events: u32) -> Sealed {
    Sealed {
        events,
        ..message(&queue_named("orders"), n)
    }
}

async fn works(queue: &SqliteQueue, n: u32) -> Sealed {
    let sent = message(&queue_named("orders"), n);
    queue.publish(sent.clone()).await.unwrap();
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_message_fails_alone() {
    let dir = TempDir::new().unwrap();
    let queue = Arc::new(open(&dir, Options::default()));
    sabotage(&dir);
    let mut tasks = JoinSet::new();
    for n in 0..200 {
        let queue = Arc::clone(&queue);
        let message = bad(n, if n % 10 == 0 { BAD_ITEM } else { 1 });
        tasks.spawn(async move { (n, queue.publish(message).await) });
    }
    for (n, result) in tasks.join_all().await {
        match result {
            Ok(()) => assert_ne!(n % 10, 0),
            Err(PublishError::Unavailable(_)) => assert_eq!(n % 10, 0),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(
        queue.depth(&queue_named("orders")).await.unwrap().ready,
        180
    );
}

#[tokio::test]
async fn an_error_before_commit_is_unavailable_and_the_writer_goes_on() {
    let dir = TempDir::new().unwrap();
    let queue = open(&dir, Options::default());
    sabotage(&dir);
    let mut sent = vec![works(&queue, 0).await];
    for n in 1..4 {
        let refused = queue.publish(bad(n, BAD_TRANSACTION)).await;
        assert!(
            matches!(refused, Err(PublishError::Unavailable(_))),
            "{refused:?}"
        );
        sent.push(works(&queue, 10 + n).await);
        queue.check().await.unwrap();
    }
    let mut consumer = queue.consume(&queue_named("orders")).await.unwrap();
    assert_same(&take(consumer.as_mut(), sent.len()).await, &sent);
    nothing_comes(consumer.as_mut()).await;
}

#[tokio::test]
async fn an_error_at_commit_is_unknown_and_the_writer_goes_on() {
    let dir = TempDir::new().unwrap();
    let queue = open(&dir, Options::default());
    sabotage(&dir);
    let mut sent = vec![works(&queue, 0).await];
    for n in 1..4 {
        let unknown = queue.publish(bad(n, BAD_COMMIT)).await;
        assert!(
            matches!(unknown, Err(PublishError::Unknown(_))),
            "{unknown:?}"
        );
        sent.push(works(&queue, 10 + n).await);
    }
    let depth = queue.depth(&queue_named("orders")).await.unwrap();
    assert_eq!(
        depth.ready,
        sent.len() as u64,
        "counters after a doubtful commit"
    );
    let mut consumer = queue.consume(&queue_named("orders")).await.unwrap();
    assert_same(&take(consumer.as_mut(), sent.len()).await, &sent);
}

/// An ack that could not be written leaves the message with its consumer; dropped, it gives it back.
#[tokio::test]
async fn a_failed_ack_brings_the_message_back() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(&dir, Options::default());
    let sent = vec![works(&queue, 0).await, works(&queue, 1).await];
    let mut consumer = queue.consume(&name).await.unwrap();
    let taken = take(consumer.as_mut(), 2).await;
    let stuck =
        "CREATE TRIGGER stuck BEFORE DELETE ON message BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    side_door(&dir).execute_batch(stuck).unwrap();
    consumer.ack(&tags(&taken)).await.unwrap_err();
    assert_eq!(queue.depth(&name).await.unwrap().unacknowledged, Some(2));
    side_door(&dir).execute_batch("DROP TRIGGER stuck").unwrap();
    consumer.ack(&[taken[0].tag]).await.unwrap();
    drop(consumer);
    let left: Vec<Sealed> = sent
        .into_iter()
        .filter(|message| message.id != taken[0].message.id)
        .collect();
    let mut consumer = queue.consume(&name).await.unwrap();
    assert_same(&take(consumer.as_mut(), 1).await, &left);
}

/// What was put back and is gone from the file must not hold up what comes after it.
#[tokio::test]
async fn rows_that_vanished_are_passed_over() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(&dir, Options::default());
    works(&queue, 0).await;
    let mut consumer = queue.consume(&name).await.unwrap();
    take(consumer.as_mut(), 1).await;
    drop(consumer);
    side_door(&dir)
        .execute_batch("DELETE FROM message")
        .unwrap();
    let sent = vec![works(&queue, 1).await];
    let mut consumer = queue.consume(&name).await.unwrap();
    let at_once = consumer.next(10, Duration::ZERO).await.unwrap();
    assert_same(&at_once, &sent);
}

/// A COMMIT that failed may have removed what a consumer holds; that must not hide what is ready.
#[tokio::test]
async fn what_is_held_is_compared_with_the_file_after_a_doubtful_commit() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(&dir, Options::default());
    sabotage(&dir);
    works(&queue, 0).await;
    let mut consumer = queue.consume(&name).await.unwrap();
    take(consumer.as_mut(), 1).await;
    side_door(&dir)
        .execute_batch("DELETE FROM message")
        .unwrap();
    queue.publish(bad(1, BAD_COMMIT)).await.unwrap_err();
    let sent = vec![works(&queue, 2).await];
    let at_once = consumer.next(10, Duration::ZERO).await.unwrap();
    assert_same(&at_once, &sent);
    let depth = queue.depth(&name).await.unwrap();
    assert_eq!((depth.ready, depth.unacknowledged), (0, Some(1)));
}

/// The writer by itself, so that it is sure which jobs share a transaction.
#[test]
fn acks_succeed_beside_publishes_that_fail() {
    for events in [BAD_TRANSACTION, BAD_COMMIT] {
        let dir = TempDir::new().unwrap();
        let mut writer = lone_writer(&dir);
        sabotage(&dir);
        let (registry, next_seq) = (Arc::clone(&writer.registry), writer.next_seq);
        let (first, mut stored) = publish(&registry, bad(0, 1));
        let queue = Arc::clone(&first.queue);
        writer.handle(vec![Job::Publish(first)]);
        assert!(stored.try_recv().unwrap().is_ok());

        let (second, mut refused) = publish(&registry, bad(1, events));
        let (reply, mut acked) = oneshot::channel();
        let change = Change::Remove(vec![next_seq]);
        let ack = Settle {
            queue: Arc::clone(&queue),
            change,
            reply: Some(reply),
        };
        writer.handle(vec![Job::Publish(second), Job::Settle(ack)]);
        let refused = refused.try_recv().unwrap();
        match events {
            BAD_TRANSACTION => assert!(matches!(refused, Err(PublishError::Unavailable(_)))),
            _ => assert!(matches!(refused, Err(PublishError::Unknown(_)))),
        }
        assert!(acked.try_recv().unwrap().is_ok());
        assert_eq!(queue.lock().stored, Default::default());
    }
}
