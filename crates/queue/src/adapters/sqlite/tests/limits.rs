//! Full queues and full disks.

use tempfile::TempDir;

use super::{Options, open, queue_named};
use crate::{
    EventQueue, PublishError, Sealed,
    contract::stage::{message, tags, take},
};

#[tokio::test]
async fn a_full_queue_refuses_until_acks_make_room() {
    let dir = TempDir::new().unwrap();
    let (name, other) = (queue_named("orders"), queue_named("payments"));
    let options = Options {
        max_bytes: Some(1_000),
        ..Options::default()
    };
    let queue = open(&dir, options.clone());
    let sized = |n| Sealed {
        body: vec![1; 400],
        ..message(&name, n)
    };
    queue.publish(sized(1)).await.unwrap();
    queue.publish(sized(2)).await.unwrap();
    let refused = queue.publish(sized(3)).await;
    assert!(
        matches!(&refused, Err(PublishError::Full(full)) if *full == name),
        "{refused:?}"
    );
    queue.publish(message(&other, 1)).await.unwrap();

    // The limit knows what the file held before it was opened.
    drop(queue);
    let queue = open(&dir, options);
    assert!(matches!(
        queue.publish(sized(3)).await,
        Err(PublishError::Full(_))
    ));
    let mut consumer = queue.consume(&name).await.unwrap();
    let taken = take(consumer.as_mut(), 2).await;
    assert!(
        matches!(queue.publish(sized(3)).await, Err(PublishError::Full(_))),
        "in flight"
    );
    consumer.ack(&[taken[0].tag]).await.unwrap();
    queue.publish(sized(3)).await.unwrap();
}

#[tokio::test]
async fn messages_are_limited_too() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(
        &dir,
        Options {
            max_messages: Some(2),
            ..Options::default()
        },
    );
    let publishes = (0..5).map(|n| queue.publish(message(&name, n)));
    let mut stored = 0;
    for publish in publishes {
        match publish.await {
            Ok(()) => stored += 1,
            Err(PublishError::Full(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(stored, 2);
    assert_eq!(queue.depth(&name).await.unwrap().ready, 2);
}

#[tokio::test]
async fn a_full_disk_refuses_and_drains_and_accepts_again() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(
        &dir,
        Options {
            max_file_bytes: Some(1 << 20),
            ..Options::default()
        },
    );
    let large = |n| Sealed {
        body: vec![1; 30_000],
        ..message(&name, n)
    };
    queue.check().await.unwrap();
    let mut stored = 0;
    let refused = loop {
        match queue.publish(large(stored)).await {
            Ok(()) => stored += 1,
            Err(refused) => break refused,
        }
        assert!(stored < 100, "a file of 1 MiB took 3 MB");
    };
    assert!(matches!(refused, PublishError::Unavailable(_)), "{refused}");
    assert!(stored > 20, "only {stored} fit");
    // The last pages may still take something small.
    while queue.publish(message(&name, 0)).await.is_ok() {
        stored += 1;
    }
    queue.check().await.unwrap_err();
    assert_eq!(queue.depth(&name).await.unwrap().ready, u64::from(stored));

    // A reader gets through, although nothing more fits, and makes room.
    let mut consumer = queue.consume(&name).await.unwrap();
    let taken = take(consumer.as_mut(), stored as usize).await;
    consumer.ack(&tags(&taken)).await.unwrap();
    queue.check().await.unwrap();
    for n in 0..20 {
        queue.publish(large(n)).await.unwrap();
    }
}

/// Marks of deliveries need pages too. Where there are none left they are kept in memory, or nothing would ever leave.
#[tokio::test]
async fn a_full_disk_does_not_stop_deliveries() {
    let dir = TempDir::new().unwrap();
    let name = queue_named("orders");
    let queue = open(
        &dir,
        Options {
            max_file_bytes: Some(256 << 10),
            ..Options::default()
        },
    );
    let mut stored = 0;
    let sized = |n| Sealed {
        body: vec![1; 150],
        ..message(&name, n)
    };
    while queue.publish(sized(stored)).await.is_ok() {
        stored += 1;
        assert!(stored < 10_000, "a file of 256 KiB took {stored} messages");
    }
    let mut consumer = queue.consume(&name).await.unwrap();
    take(consumer.as_mut(), stored as usize).await;
    drop(consumer);
    let mut consumer = queue.consume(&name).await.unwrap();
    let again = take(consumer.as_mut(), stored as usize).await;
    assert!(
        again.iter().all(|delivery| delivery.delivered_before == 1),
        "counted in memory"
    );
    consumer.ack(&tags(&again)).await.unwrap();
    queue.publish(message(&name, 0)).await.unwrap();
}
