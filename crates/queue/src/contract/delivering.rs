//! How messages reach consumers: waiting, batches, many at once, and what is told about it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use sendry_domain::{id::MessageId, ledger::OldestHead};
use tokio::sync::Mutex;

use super::{
    DEADLINE, Harness, SILENCE,
    stage::{Stage, assert_same, eventually, message, next, nothing_comes, tags, take, within},
};
use crate::Sealed;

/// A consumer that waits is woken by a publish, not by the end of its wait.
pub async fn next_waits_and_wakes_on_a_publish<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let mut consumer = stage.consumer().await;
    let mut waiting = std::pin::pin!(consumer.next(10, DEADLINE));
    let early = tokio::time::timeout(SILENCE, waiting.as_mut()).await;
    assert!(
        early.is_err(),
        "came back before anything was published: {early:?}"
    );
    let started = Instant::now();
    let sent = stage.publish_some(1).await;
    let batch = within("next", waiting).await.unwrap();
    assert_same(&batch, &sent);
    assert!(
        started.elapsed() < DEADLINE / 3,
        "woken after {:?}",
        started.elapsed()
    );
}

/// Nothing to take is an empty answer, after the wait and not before.
pub async fn next_comes_back_empty_when_nothing_came<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let mut consumer = stage.consumer().await;
    let started = Instant::now();
    nothing_comes(consumer.as_mut()).await;
    assert!(
        started.elapsed() >= SILENCE,
        "gave up after {:?}",
        started.elapsed()
    );
    let at_once = within("next", consumer.next(10, Duration::ZERO))
        .await
        .unwrap();
    assert!(at_once.is_empty());
}

/// Dropping `next` at any moment neither loses a message nor delivers it to two.
pub async fn a_cancelled_next_loses_nothing<H: Harness>() {
    const COUNT: usize = 300;
    let stage = Stage::<H>::new().await;
    let mut consumer = stage.consumer().await;
    let publishing = async { stage.publish_some(COUNT as u32).await };
    let consuming = async {
        let (mut taken, started) = (Vec::new(), Instant::now());
        // Patience from none to 3 ms, so that it ends at every step of a delivery.
        for attempt in 0u64.. {
            if taken.len() >= COUNT {
                break;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{} of {COUNT} came",
                taken.len()
            );
            let patience = Duration::from_micros(attempt * 37 % 3_000);
            let next = consumer.next(2, DEADLINE);
            if let Ok(batch) = tokio::time::timeout(patience, next).await {
                let batch = batch.unwrap();
                within("ack", consumer.ack(&tags(&batch))).await.unwrap();
                taken.extend(batch);
            }
        }
        taken
    };
    let (sent, taken) = tokio::join!(publishing, consuming);
    assert_same(&taken, &sent);
    nothing_comes(consumer.as_mut()).await;
}

/// At most as many events as asked for, but always a message.
pub async fn a_batch_keeps_to_its_events<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let sent: Vec<Sealed> = (0..9)
        .map(|n| Sealed {
            events: 10,
            ..message(&stage.name, n)
        })
        .collect();
    for message in &sent {
        stage.publish(message).await;
    }
    let mut consumer = stage.consumer().await;
    let mut taken = Vec::new();
    for max_events in [1, 25, 10, 9, 1_000].into_iter().cycle() {
        if taken.len() == sent.len() {
            break;
        }
        let batch = next(consumer.as_mut(), max_events).await;
        let events: u32 = batch.iter().map(|delivery| delivery.message.events).sum();
        assert!(
            batch.len() == 1 || events <= max_events,
            "{events} events for {max_events}"
        );
        within("ack", consumer.ack(&tags(&batch))).await.unwrap();
        taken.extend(batch);
    }
    assert_same(&taken, &sent);
}

/// Eight publish, three consume: everything arrives, and each message at one of them.
pub async fn many_at_once_lose_and_double_nothing<H: Harness>() {
    const PUBLISHERS: u32 = 8;
    const EACH: u32 = 500;
    let stage = Arc::new(Stage::<H>::new().await);
    let seen: Arc<Mutex<BTreeMap<MessageId, u32>>> = Arc::default();
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let stage = Arc::clone(&stage);
        tasks.spawn(async move {
            for n in 0..EACH {
                stage
                    .publish(&message(&stage.name, publisher * EACH + n))
                    .await;
            }
        });
    }
    for _ in 0..3 {
        let (stage, seen) = (Arc::clone(&stage), Arc::clone(&seen));
        tasks.spawn(async move {
            let mut consumer = stage.consumer().await;
            let started = Instant::now();
            while seen.lock().await.len() < (PUBLISHERS * EACH) as usize {
                assert!(
                    started.elapsed() < DEADLINE,
                    "{} came",
                    seen.lock().await.len()
                );
                let batch = within("next", consumer.next(50, SILENCE)).await.unwrap();
                within("ack", consumer.ack(&tags(&batch))).await.unwrap();
                let mut seen = seen.lock().await;
                for delivery in batch {
                    *seen.entry(delivery.message.id).or_insert(0) += 1;
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let doubled = seen
        .lock()
        .await
        .values()
        .filter(|&&times| times > 1)
        .count();
    assert_eq!(doubled, 0, "messages that came more than once");
    nothing_comes(stage.consumer().await.as_mut()).await;
}

/// Waiting, in flight, oldest: before, during and after delivery. What a queue does not tell, it leaves open.
pub async fn depth_tells_what_waits<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let depth_becomes = async |ready: u64, unacknowledged: u64, oldest: OldestHead| {
        eventually("depth", || async {
            let depth = stage.handle.depth(&stage.name).await.unwrap();
            let told = depth.unacknowledged.unwrap_or(unacknowledged) == unacknowledged
                && (depth.oldest == oldest || depth.oldest == OldestHead::Unknown);
            if depth.ready == ready && told {
                Ok(())
            } else {
                Err(depth)
            }
        })
        .await;
    };
    depth_becomes(0, 0, OldestHead::Empty).await;
    let sent = stage.publish_some(3).await;
    let oldest = OldestHead::AcceptedAt(sent[0].accepted_at);
    depth_becomes(3, 0, oldest).await;
    let mut consumer = stage.consumer().await;
    let taken = take(consumer.as_mut(), 3).await;
    depth_becomes(0, 3, oldest).await;
    within("ack", consumer.ack(&tags(&taken))).await.unwrap();
    depth_becomes(0, 0, OldestHead::Empty).await;
}

/// An orderly stop: what is on its way is handed over and can be acked, what is not stays for another, and nothing is
/// delivered twice.
pub async fn a_stopped_consumer_gets_what_is_on_its_way_and_nothing_more<H: Harness>() {
    let stage = Stage::<H>::new().await;
    let mut sent = stage.publish_some(20).await;
    let mut first = stage.consumer().await;
    let mut taken = next(first.as_mut(), 3).await;
    within("stop", first.stop()).await.unwrap();
    loop {
        let rest = within("next", first.next(1_000, DEADLINE)).await.unwrap();
        if rest.is_empty() {
            break;
        }
        taken.extend(rest);
    }
    let late = message(&stage.name, 20);
    stage.publish(&late).await;
    sent.push(late);
    nothing_comes(first.as_mut()).await;
    within("ack", first.ack(&tags(&taken))).await.unwrap();
    drop(first);
    let mut second = stage.consumer().await;
    let rest = take(second.as_mut(), sent.len() - taken.len()).await;
    for delivery in &rest {
        assert_eq!(
            delivery.delivered_before, 0,
            "delivered twice: {delivery:?}"
        );
    }
    taken.extend(rest);
    assert_same(&taken, &sent);
}
