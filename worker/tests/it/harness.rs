//! A worker on fresh files, with everything around it in the test's hands.

use std::sync::Arc;

use sendry_domain::{
    dead_letter::DeadLetter,
    id::{MessageId, PipelineName, TenantId},
    ledger::Tally,
    message::Message,
    query::{Detail, Filter, FoldSpec, GroupBy, Slice},
    rollup::Level,
    routing::QueueName,
    series::SeriesKind,
    time::{DAY, UnixMillis},
};
use sendry_queue::{
    Depth, EventQueue, Sealed,
    adapters::sqlite::{Options as QueueOptions, SqliteQueue},
};
use sendry_runtime::clock::{Clock, ManualClock};
use sendry_store::{
    DeadLetterQuery, MetricStore, RawEvent, RawEventStore, RawQuery,
    adapters::sqlite::{Options, SqliteStore},
    contract::build::{self, NOW, Sealer},
};
use sendry_worker::{Parts, metrics::WorkerMetrics};

use crate::running::until;

/// Queue, store and clock of one test.
pub struct Bed {
    pub clock: Arc<ManualClock>,
    pub queue: Arc<SqliteQueue>,
    pub store: Arc<SqliteStore>,
    pub tenant: TenantId,
    pub seal: Sealer,
    /// Removed last.
    dir: Arc<tempfile::TempDir>,
}

/// What can be seen from outside; waiting tests print it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub tally: Tally,
    /// By the hour buckets.
    pub in_hours: u64,
    pub raw: usize,
    /// Waiting or in flight, in the pipeline's queue.
    pub queued: u64,
    /// Waiting or in flight, in the parked queue.
    pub parked: u64,
}

impl Bed {
    pub fn new() -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// The same files, after a crash: nothing may hold the queue or the store any more.
    pub fn reopened(self) -> Self {
        assert!(Arc::into_inner(self.queue).is_some() && Arc::into_inner(self.store).is_some());
        Self::at(self.dir)
    }

    fn at(dir: Arc<tempfile::TempDir>) -> Self {
        let tenant = build::tenant("acme");
        let queue = SqliteQueue::open(dir.path().join("queue.db"), QueueOptions::default());
        let store = SqliteStore::open(&dir.path().join("store.db"), Options::default());
        Self {
            clock: ManualClock::at(NOW.0),
            queue: Arc::new(queue.unwrap()),
            store: Arc::new(store.unwrap()),
            seal: Sealer::new(&tenant),
            tenant,
            dir,
        }
    }

    pub fn pipeline(&self) -> QueueName {
        QueueName::Pipeline(self.tenant.clone(), PipelineName::fallback())
    }

    pub fn parked(&self) -> QueueName {
        QueueName::Parked(self.tenant.clone())
    }

    pub fn parts(&self) -> Parts {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Parts {
            queue: self.queue.clone(),
            counts: self.store.clone(),
            raw: self.store.clone(),
            control: self.store.clone(),
            clock,
            metrics: WorkerMetrics::register(&mut Default::default()),
        }
    }

    /// Message `number` of events at these endpoints.
    pub fn message(&self, number: u32, endpoints: &[&str]) -> Message {
        let events = endpoints.iter().map(|e| build::event().endpoint(e));
        self.seal.message(number, &build::request(events))
    }

    pub async fn publish(&self, messages: &[Message]) {
        for message in messages {
            let (events, body) = (message.events.len() as u32, message.encode().unwrap());
            self.publish_bytes(self.pipeline(), message.id, events, body)
                .await;
        }
    }

    pub async fn publish_bytes(&self, queue: QueueName, id: MessageId, events: u32, body: Vec<u8>) {
        let sealed = Sealed {
            queue,
            id,
            events,
            accepted_at: self.seal.accepted_at,
            body,
        };
        self.queue.publish(sealed).await.unwrap();
    }

    pub async fn depth(&self, queue: &QueueName) -> Depth {
        self.queue.depth(queue).await.unwrap()
    }

    pub async fn tally(&self) -> Tally {
        self.store.ledger(&self.tenant).await.unwrap().tally
    }

    pub async fn seen(&self) -> Seen {
        let all = |depth: Depth| depth.ready + depth.unacknowledged;
        // The queues first: what they say is gone has left its marks by now.
        let queued = all(self.depth(&self.pipeline()).await);
        let parked = all(self.depth(&self.parked()).await);
        let spec = FoldSpec {
            kind: SeriesKind::Tenant,
            filter: Filter::default(),
            slices: vec![Slice {
                level: Level::Hour,
                from: NOW.plus(-30 * DAY),
                to: NOW.plus(30 * DAY),
            }],
            group: GroupBy::Total,
            points: [].into(),
            detail: Detail::None,
        };
        let groups = self.store.fold(&self.tenant, spec).await.unwrap();
        Seen {
            tally: self.tally().await,
            in_hours: groups.iter().map(|g| g.total.count).sum(),
            raw: self.raw().await.len(),
            queued,
            parked,
        }
    }

    /// Raw events, newest first.
    pub async fn raw(&self) -> Vec<RawEvent> {
        let query = RawQuery {
            from: UnixMillis(0),
            to: NOW.plus(30 * DAY),
            limit: 10_000,
        };
        RawEventStore::list(&*self.store, &self.tenant, &query)
            .await
            .unwrap()
    }

    /// Dead letters by id.
    pub async fn letters(&self) -> Vec<DeadLetter> {
        let (state, after, limit) = (None, None, 500);
        let query = DeadLetterQuery {
            state,
            after,
            limit,
        };
        let page = self.store.dead_letters(&self.tenant, &query).await;
        let mut letters = page.unwrap().letters;
        letters.sort_by_key(|letter| letter.id);
        letters
    }

    /// Waits until something is seen.
    pub async fn until(&self, what: &str, good: impl Fn(&Seen) -> bool) -> Seen {
        until(what, async || self.seen().await, good).await
    }

    /// Waits until both queues are empty; then the account must close and agree with the hours.
    pub async fn drained(&self) -> Seen {
        let seen = self
            .until("the queues are empty", |s| s.queued + s.parked == 0)
            .await;
        assert_eq!(seen.tally.residual(), 0, "the account must close: {seen:?}");
        assert_eq!(seen.tally.counted, seen.in_hours as i64, "{seen:?}");
        seen
    }
}
