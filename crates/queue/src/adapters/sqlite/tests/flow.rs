//! Syncs are shared, the log is bounded, the file's pages are used again.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{Options, inbox::publish, lone_writer, open, queue_named, side_door};
use crate::{
    EventQueue, Sealed,
    adapters::sqlite::inbox::Job,
    contract::stage::{message, tags, take},
};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_publishes_share_commits() {
    const COUNT: u32 = 1_000;
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = Arc::new(open(&dir, Options::default()));
    let mut tasks = JoinSet::new();
    for n in 0..COUNT {
        let (queue, message) = (Arc::clone(&queue), message(&name, n));
        tasks.spawn(async move { queue.publish(message).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(queue.depth(&name).await.unwrap().ready, u64::from(COUNT));
    let commits = queue.commits();
    assert!(
        commits <= u64::from(COUNT) / 4,
        "{commits} commits for {COUNT} publishes"
    );
}

/// Under load the log is never copied to its end by itself; here it is not copied at all.
#[test]
fn the_log_stays_bounded_though_nobody_else_copies_it() {
    const MESSAGES: u32 = 160;
    let dir = TempDir::new().unwrap();
    let mut writer = lone_writer(&dir);
    for n in 0..MESSAGES {
        let body = vec![n as u8; 1 << 20];
        let message = Sealed {
            body,
            ..message(&queue_named("orders"), n)
        };
        let (job, mut stored) = publish(&writer.registry, message);
        writer.handle(vec![Job::Publish(job)]);
        stored.try_recv().unwrap().unwrap();
    }
    let log = std::fs::metadata(dir.path().join("queue.db-wal"))
        .unwrap()
        .len();
    assert!(
        log < 80 << 20,
        "log of {} MiB after {MESSAGES} MiB",
        log >> 20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_uses_the_pages_of_acked_messages_again() {
    const ROUNDS: u32 = 20;
    const EACH: u32 = 40;
    const SIZE: usize = 40_000;
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(&dir, Options::default());
    let mut consumer = queue.consume(&name).await.unwrap();
    for round in 0..ROUNDS {
        for n in 0..EACH {
            let body = vec![n as u8; SIZE];
            let sent = Sealed {
                body,
                ..message(&name, round * EACH + n)
            };
            queue.publish(sent).await.unwrap();
        }
        let taken = take(consumer.as_mut(), EACH as usize).await;
        consumer.ack(&tags(&taken)).await.unwrap();
    }
    drop((consumer, queue));
    let file = std::fs::metadata(dir.path().join("queue.db"))
        .unwrap()
        .len();
    let round = u64::from(EACH) * SIZE as u64;
    assert!(
        file < round * 2,
        "{} KiB for rounds of {} KiB",
        file >> 10,
        round >> 10
    );
}

/// A backlog worked off gives its disk back at the next start.
#[test]
fn a_mostly_free_file_is_compacted_at_open() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir, Options::default()));
    let fill =
        "INSERT INTO message VALUES (1, 1, zeroblob(16), 1, 0, 80000000, zeroblob(80000000));
                INSERT INTO message VALUES (2, 1, zeroblob(16), 1, 0, 3, x'616263');
                INSERT INTO queue VALUES (1, 'acme.orders');
                DELETE FROM message WHERE seq = 1;";
    side_door(&dir).execute_batch(fill).unwrap();
    let path = dir.path().join("queue.db");
    assert!(std::fs::metadata(&path).unwrap().len() > 70 << 20);
    let queue = open(&dir, Options::default());
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
    let kept = queue
        .core
        .registry
        .get("acme.orders")
        .unwrap()
        .lock()
        .stored;
    assert_eq!((kept.messages, kept.bytes), (1, 3));
}
