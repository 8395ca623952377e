//! A queue and a store that survive crashes, and the processes between them that do not.

use std::{sync::Arc, time::Duration};

use sendry_domain::{id::PipelineName, routing::QueueName};
use sendry_queue::{
    EventQueue,
    adapters::sqlite::{Options as QueueOptions, SqliteQueue},
};
use sendry_runtime::{
    clock::ManualClock,
    health::Health,
    metrics::MetricsBuilder,
    shutdown::{Shutdown, Tasks},
};
use sendry_store::{
    MetricStore,
    adapters::sqlite::{Options, SqliteStore},
    contract::build::tenant,
};
use sendry_worker::{Parts, Role, Settings, metrics::WorkerMetrics, start};
use tokio::time::{Instant, sleep, timeout};

use crate::faults::{Crash, Point};

/// How long to wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events in one transaction: fewer than wait at a crash, so that some are in hands and some are not.
const BATCH_EVENTS: u32 = 12;

/// A way to build the product wrongly. Asked anew for each process, so what it keeps in memory is lost with one.
pub trait Mutant: Send + Sync {
    fn queue(&self, inner: Arc<dyn EventQueue>) -> Arc<dyn EventQueue> {
        inner
    }

    fn counts(&self, inner: Arc<dyn MetricStore>) -> Arc<dyn MetricStore> {
        inner
    }
}

/// The product as it is.
pub struct None;

impl Mutant for None {}

pub fn pipeline() -> QueueName {
    QueueName::Pipeline(tenant("acme"), PipelineName::fallback())
}

pub fn parked() -> QueueName {
    QueueName::Parked(tenant("acme"))
}

pub struct Stage {
    mutant: Box<dyn Mutant>,
    sqlite: Arc<SqliteQueue>,
    pub store: Arc<SqliteStore>,
    pub clock: Arc<ManualClock>,
    crash: Arc<Crash>,
    /// Of the process that lives now.
    parts: Parts,
    // Dropped last, when the files are closed.
    _dir: tempfile::TempDir,
}

impl Stage {
    pub fn new(mutant: Box<dyn Mutant>, clock: Arc<ManualClock>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("store.db"), Options::default()).unwrap();
        let store = Arc::new(store);
        let sqlite = SqliteQueue::open(dir.path().join("queue.db"), QueueOptions::default());
        let sqlite = Arc::new(sqlite.unwrap());
        let crash = Arc::default();
        let parts = boot(&*mutant, &sqlite, &store, &crash, &clock);
        Self {
            mutant,
            sqlite,
            store,
            clock,
            crash,
            parts,
            _dir: dir,
        }
    }

    /// As ingest of the process that lives now publishes.
    pub fn queue(&self) -> &dyn EventQueue {
        &*self.parts.queue
    }

    /// The process ends and another takes its place: what was only in memory is gone.
    pub fn power_cut(&mut self) {
        self.parts = boot(
            &*self.mutant,
            &self.sqlite,
            &self.store,
            &self.crash,
            &self.clock,
        );
    }

    /// A worker runs up to a point, where its process ends.
    pub async fn crash_at(&mut self, point: Point) {
        self.crash.arm(point);
        let running = self.start(Role::Worker, &pipeline());
        let reached = timeout(PATIENCE, self.crash.reached()).await;
        let depth = self.sqlite.depth(&pipeline()).await.unwrap();
        assert!(reached.is_ok(), "{point:?} was never reached: {depth:?}");
        drop(running);
        self.power_cut();
        self.settled(&*self.sqlite.clone(), &pipeline(), false)
            .await;
    }

    /// So many processes end as soon as they have a message in their hands.
    pub async fn end_on_delivery(&mut self, times: u32) {
        for _ in 0..times {
            let mut consumer = self.queue().consume(&pipeline()).await.unwrap();
            let taken = consumer.next(BATCH_EVENTS, Duration::ZERO).await.unwrap();
            drop(consumer);
            self.power_cut();
            // A mutant may have lost it.
            if taken.is_empty() {
                return;
            }
        }
    }

    /// Workers and the keeper finish everything, and leave in order.
    pub async fn run_dry(&self) {
        for (role, queue) in [(Role::Worker, pipeline()), (Role::Keeper, parked())] {
            let (shutdown, tasks) = self.start(role, &queue);
            self.settled(self.queue(), &queue, true).await;
            shutdown.begin();
            tasks.join_all(PATIENCE).await.unwrap();
        }
    }

    fn start(&self, role: Role, queue: &QueueName) -> (Shutdown, Tasks) {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(&shutdown);
        let settings = Settings {
            concurrency: 1,
            batch_events: BATCH_EVENTS,
        };
        let stop = shutdown.token();
        let health = Health::new();
        start(
            &self.parts,
            role,
            queue,
            settings,
            &health,
            &mut tasks,
            &stop,
        );
        (shutdown, tasks)
    }

    /// Waits until no consumer holds anything; with `empty`, until nothing waits either.
    async fn settled(&self, queue: &dyn EventQueue, name: &QueueName, empty: bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let depth = queue.depth(name).await.unwrap();
            if depth.unacknowledged == Some(0) && (depth.ready == 0 || !empty) {
                return;
            }
            assert!(
                Instant::now() < until,
                "{name} has not come to rest: {depth:?}"
            );
            sleep(Duration::from_millis(2)).await;
        }
    }
}

fn boot(
    mutant: &dyn Mutant,
    sqlite: &Arc<SqliteQueue>,
    store: &Arc<SqliteStore>,
    crash: &Arc<Crash>,
    clock: &Arc<ManualClock>,
) -> Parts {
    Parts {
        queue: mutant.queue(crash.queue(sqlite.clone())),
        counts: mutant.counts(crash.counts(store.clone())),
        raw: crash.raw(store.clone()),
        control: store.clone(),
        clock: clock.clone(),
        metrics: WorkerMetrics::register(MetricsBuilder::new().registry()),
        doings: Default::default(),
    }
}
