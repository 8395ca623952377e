//! A queue and a store on fresh files, the workers between them, and messages as ingest seals them.

use std::{sync::Arc, time::Duration};

use sendry_domain::{id::TenantId, message::Message, routing::QueueName};
use sendry_queue::{
    Depth, EventQueue,
    adapters::sqlite::{Options as QueueOptions, SqliteQueue},
};
use sendry_runtime::{
    clock::ManualClock,
    health::Health,
    metrics::MetricsBuilder,
    shutdown::{Shutdown, Tasks},
};
use sendry_store::{
    MetricStore, RawEvent, RawEventStore, RawQuery,
    adapters::sqlite::{Options, SqliteStore},
    contract::{build::NOW, metrics::View},
};
use sendry_worker::{Parts, Role, Settings, metrics::WorkerMetrics, start};
use tokio::time::{Instant, sleep};

pub use crate::running::{Running, eventually};
use crate::{
    faults_counts::FaultyCounts, faults_queue::FaultyQueue, faults_raw::FaultyRaw,
    running::PATIENCE,
};

pub use crate::queued::*;

pub struct Stage {
    pub sqlite: Arc<SqliteQueue>,
    pub queue: Arc<FaultyQueue>,
    pub counts: Arc<FaultyCounts>,
    pub raw: Arc<FaultyRaw>,
    pub store: Arc<SqliteStore>,
    pub clock: Arc<ManualClock>,
    pub health: Health,
    pub parts: Parts,
    /// `acme` in the store itself, behind no fault.
    pub view: View,
    // Dropped last, when the files are closed.
    _dir: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("store.db"), Options::default()).unwrap();
        let store = Arc::new(store);
        let sqlite = SqliteQueue::open(dir.path().join("queue.db"), QueueOptions::default());
        let sqlite = Arc::new(sqlite.unwrap());
        let queue = FaultyQueue::before(sqlite.clone());
        let counts = FaultyCounts::before(store.clone());
        let raw = FaultyRaw::before(store.clone());
        let clock = ManualClock::at(NOW.0);
        let parts = Parts {
            queue: queue.clone(),
            counts: counts.clone(),
            raw: raw.clone(),
            control: store.clone(),
            clock: clock.clone(),
            metrics: WorkerMetrics::register(MetricsBuilder::new().registry()),
            doings: Default::default(),
        };
        let counted: Arc<dyn MetricStore> = store.clone();
        Self {
            view: View::of(&counted, "acme"),
            sqlite,
            queue,
            counts,
            raw,
            store,
            clock,
            health: Health::new(),
            parts,
            _dir: dir,
        }
    }

    /// Starts consumers of a queue.
    pub fn start(&self, role: Role, queue: &QueueName, concurrency: usize) -> Running {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(&shutdown);
        let settings = Settings {
            concurrency,
            ..Settings::default()
        };
        let stop = shutdown.token();
        start(
            &self.parts,
            role,
            queue,
            settings,
            &self.health,
            &mut tasks,
            &stop,
        );
        Running { shutdown, tasks }
    }

    /// One worker of `acme`'s pipeline.
    pub fn work(&self) -> Running {
        self.start(Role::Worker, &pipeline(), 1)
    }

    /// The keeper of `acme`.
    pub fn keep(&self) -> Running {
        self.start(Role::Keeper, &parked(), 1)
    }

    pub async fn publish(&self, messages: &[Message]) {
        for message in messages {
            self.sqlite
                .publish(sealed(pipeline(), message))
                .await
                .unwrap();
        }
    }

    pub async fn depth(&self, queue: &QueueName) -> Depth {
        self.sqlite.depth(queue).await.unwrap()
    }

    /// Waits until a queue is empty.
    pub async fn emptied(&self, queue: &QueueName) {
        let until = Instant::now() + PATIENCE;
        loop {
            let depth = self.depth(queue).await;
            if depth.ready + depth.unacknowledged.unwrap() == 0 {
                return;
            }
            assert!(
                Instant::now() < until,
                "{queue} never got empty: {depth:?}, {}",
                self.ready()
            );
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets a worker finish everything, and stops it.
    pub async fn run_dry(&self) {
        let running = self.work();
        self.emptied(&pipeline()).await;
        assert!(running.alive());
        running.stop().await;
    }

    /// What `/readyz` says.
    pub fn ready(&self) -> String {
        self.health.readiness().to_string()
    }

    /// (received, counted, duplicates, conflicts, dead letters open), after the account was checked: it closes, it
    /// agrees with hours and letters, and every counted event is raw or refused there.
    pub async fn account(&self) -> (i64, i64, i64, i64, i64) {
        let tally = self.view.tally().await;
        let raw = self.raw_events().await.len() as i64;
        assert_eq!(
            raw + tally.raw_refused,
            tally.counted,
            "raw events: {tally:?}"
        );
        self.view.account().await
    }

    /// Every raw event of `acme`, by place.
    pub async fn raw_events(&self) -> Vec<RawEvent> {
        raw_events(&*self.store, &self.view.id).await
    }
}

async fn raw_events(raw: &dyn RawEventStore, tenant: &TenantId) -> Vec<RawEvent> {
    let (from, to) = (NOW.plus(-i64::MAX / 4), NOW.plus(i64::MAX / 4));
    let query = RawQuery {
        from,
        to,
        limit: 100_000,
    };
    let mut events = raw.list(tenant, &query).await.unwrap();
    events.sort_by_key(|event| event.id);
    events
}
