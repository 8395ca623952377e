//! A queue that fails when told to, and counts how often it is asked.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use sendry_domain::routing::QueueName;
use sendry_queue::{Consumer, Depth, EventQueue, PublishError, QueueError, Sealed};

/// What a publish does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Stores after a while.
    After(Duration),
    /// Confirms and stores nothing, without any real waiting: for tests whose clock stands.
    Pretend,
    /// The same after a while of that clock.
    PretendAfter(Duration),
    Unavailable,
    Full,
    /// Stores, and says that it does not know.
    Unknown,
    Hang,
    Panic,
}

pub struct FaultyQueue {
    inner: Arc<dyn EventQueue>,
    /// For one queue, or for all.
    fault: Mutex<Option<(Option<QueueName>, Fault)>>,
    /// `check` fails.
    pub down: AtomicBool,
    /// Publishes begun.
    pub publishes: AtomicUsize,
    in_flight: AtomicUsize,
    /// The most publishes at once.
    pub most_in_flight: AtomicUsize,
}

impl FaultyQueue {
    pub fn before(inner: Arc<dyn EventQueue>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            fault: Mutex::default(),
            down: AtomicBool::default(),
            publishes: AtomicUsize::default(),
            in_flight: AtomicUsize::default(),
            most_in_flight: AtomicUsize::default(),
        })
    }

    pub fn fail(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some((None, fault));
    }

    pub fn fail_only(&self, queue: QueueName, fault: Fault) {
        *self.fault.lock().unwrap() = Some((Some(queue), fault));
    }

    pub fn heal(&self) {
        *self.fault.lock().unwrap() = None;
    }

    pub fn publishes(&self) -> usize {
        self.publishes.load(SeqCst)
    }

    async fn store(&self, message: Sealed) -> Result<(), PublishError> {
        let fault = self.fault.lock().unwrap().clone();
        let fault = fault.filter(|(only, _)| only.as_ref().is_none_or(|q| *q == message.queue));
        match fault.map(|(_, fault)| fault) {
            None => self.inner.publish(message).await,
            Some(Fault::After(wait)) => {
                tokio::time::sleep(wait).await;
                self.inner.publish(message).await
            }
            Some(Fault::Pretend) => Ok(()),
            Some(Fault::PretendAfter(wait)) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Some(Fault::Unavailable) => Err(PublishError::Unavailable("told to".to_owned())),
            Some(Fault::Full) => Err(PublishError::Full(message.queue)),
            Some(Fault::Unknown) => {
                self.inner.publish(message).await?;
                Err(PublishError::Unknown("told to".to_owned()))
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Panic) => panic!("told to"),
        }
    }
}

#[async_trait]
impl EventQueue for FaultyQueue {
    async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        self.publishes.fetch_add(1, SeqCst);
        let now = self.in_flight.fetch_add(1, SeqCst) + 1;
        self.most_in_flight.fetch_max(now, SeqCst);
        let outcome = self.store(message).await;
        self.in_flight.fetch_sub(1, SeqCst);
        outcome
    }

    async fn consume(&self, queue: &QueueName) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consume(queue).await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        if self.down.load(SeqCst) {
            return Err(QueueError {
                doing: "ask",
                queue: "all".to_owned(),
                source: "told to".into(),
            });
        }
        Ok(())
    }
}
