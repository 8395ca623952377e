//! A harness with one queue open, and the waits all cases share.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use sendry_domain::{id::MessageId, routing::QueueName, time::UnixMillis};
use uuid::Uuid;

use super::{DEADLINE, Harness, SILENCE};
use crate::{Consumer, Delivery, DeliveryTag, EventQueue, Sealed};

/// Between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Stage<H> {
    pub harness: H,
    pub handle: Arc<dyn EventQueue>,
    pub name: QueueName,
}

impl<H: Harness> Stage<H> {
    pub async fn new() -> Self {
        let harness = H::start().await;
        let handle = harness.open().await;
        let name = harness.queue(&handle, "orders").await;
        Self {
            harness,
            handle,
            name,
        }
    }

    /// Ends the process and starts it again, as far as the queue can tell.
    pub async fn restart(self) -> Self {
        let Self {
            harness,
            handle,
            name,
        } = self;
        drop(handle);
        let handle = harness.open().await;
        Self {
            harness,
            handle,
            name,
        }
    }

    /// Publishes `count` messages of one event each and returns them.
    pub async fn publish_some(&self, count: u32) -> Vec<Sealed> {
        let messages: Vec<Sealed> = (0..count).map(|n| message(&self.name, n)).collect();
        for message in &messages {
            self.publish(message).await;
        }
        messages
    }

    pub async fn publish(&self, message: &Sealed) {
        within("publish", self.handle.publish(message.clone()))
            .await
            .unwrap();
    }

    pub async fn consumer(&self) -> Box<dyn Consumer> {
        within("consume", self.handle.consume(&self.name))
            .await
            .unwrap()
    }
}

/// A small message of one event; `n` tells it apart in a failed assertion.
pub(crate) fn message(queue: &QueueName, n: u32) -> Sealed {
    Sealed {
        queue: queue.clone(),
        id: MessageId(Uuid::now_v7()),
        events: 1,
        accepted_at: UnixMillis(1_800_000_000_000 + i64::from(n)),
        body: format!("message {n}").into_bytes(),
    }
}

/// Bytes of every value without a pattern, the same in every run.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..len).map(|_| step()).collect()
}

/// Awaits `future`, or fails saying what hung.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("`{what}` did not come back within {DEADLINE:?}"),
    }
}

/// One batch, which has to come.
pub(crate) async fn next(consumer: &mut dyn Consumer, max_events: u32) -> Vec<Delivery> {
    let batch = within("next", consumer.next(max_events, DEADLINE / 2))
        .await
        .unwrap();
    assert!(!batch.is_empty(), "nothing came within {:?}", DEADLINE / 2);
    batch
}

/// Takes batches until `count` messages came. None of them is acked.
pub(crate) async fn take(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let (mut taken, started) = (Vec::new(), Instant::now());
    while taken.len() < count {
        let bodies: Vec<_> = taken.iter().map(body_start).collect();
        assert!(
            started.elapsed() < DEADLINE,
            "{} of {count} came: {bodies:?}",
            taken.len()
        );
        taken.extend(
            within("next", consumer.next(1_000, DEADLINE / 10))
                .await
                .unwrap(),
        );
    }
    assert_eq!(taken.len(), count, "more came than were published");
    taken
}

/// Asserts that nothing comes for a while.
pub(crate) async fn nothing_comes(consumer: &mut dyn Consumer) {
    let batch = within("next", consumer.next(1_000, SILENCE)).await.unwrap();
    assert!(batch.is_empty(), "came though it should not: {batch:?}");
}

/// Looks until `look` says `Ok`, or fails with what it saw last.
pub(crate) async fn eventually<T, E: Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        match within(what, look()).await {
            Ok(value) => return value,
            Err(seen) if started.elapsed() > DEADLINE => {
                panic!("{what}: not within {DEADLINE:?}, last seen {seen:?}")
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

pub(crate) fn tags(deliveries: &[Delivery]) -> Vec<DeliveryTag> {
    deliveries.iter().map(|delivery| delivery.tag).collect()
}

/// Messages by id, for comparing without regard to order.
pub(crate) fn by_id<'a>(
    messages: impl IntoIterator<Item = &'a Sealed>,
) -> BTreeMap<MessageId, &'a Sealed> {
    messages
        .into_iter()
        .map(|message| (message.id, message))
        .collect()
}

/// Asserts that `taken` are exactly `published`, each once and whole.
pub(crate) fn assert_same(taken: &[Delivery], published: &[Sealed]) {
    assert_eq!(taken.len(), published.len(), "number of messages");
    assert_eq!(
        by_id(taken.iter().map(|delivery| &delivery.message)),
        by_id(published)
    );
}

fn body_start(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.body)
        .chars()
        .take(20)
        .collect()
}
