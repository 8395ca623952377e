//! An ingest on fresh files, with everything around it in the test's hands.

use std::{sync::Arc, time::Duration};

use axum::Router;
use sendry_domain::{api_key::ApiKey, id::PipelineName, message::Message, time::UnixMillis};
use sendry_ingest::{Ingest, Parts, metrics::IngestMetrics};
use sendry_queue::{
    EventQueue,
    adapters::sqlite::{Options as QueueOptions, SqliteQueue},
};
use sendry_runtime::{
    clock::ManualClock,
    health::Health,
    http::{not_found, standard_layers},
    metrics::MetricsBuilder,
    shutdown::{Shutdown, Tasks},
};
use sendry_store::{
    ControlStore, KeyRecord, PipelineRecord,
    adapters::sqlite::{Options, SqliteStore},
};
use tokio::time::{Instant, sleep};

use crate::{faults_control::FaultyControl, faults_queue::FaultyQueue};

pub use crate::records::*;

/// An ingest with the tenants `acme` (pipelines `default`, and `pay` for the service `pay`; key 1) and `other` (key 2).
pub struct Stage {
    pub router: Router,
    pub queue: Arc<FaultyQueue>,
    pub control: Arc<FaultyControl>,
    pub store: Arc<SqliteStore>,
    pub clock: Arc<ManualClock>,
    pub health: Health,
    pub metrics: IngestMetrics,
    sqlite: Arc<SqliteQueue>,
    shutdown: Shutdown,
    _tasks: Tasks,
    // Dropped last, when the files are closed.
    dir: Arc<tempfile::TempDir>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::starting().await.ready().await
    }

    /// Another ingest on the settings of this one, with a queue of its own.
    pub async fn another(&self) -> Self {
        let (dir, store) = (self.dir.clone(), self.store.clone());
        Self::start(dir, store, self.clock.clone(), "other.db")
            .ready()
            .await
    }

    async fn ready(self) -> Self {
        let stage = self;
        let ready = || stage.health.readiness().ok().then_some(());
        let seen = || stage.health.readiness().to_string();
        eventually("the directory to load", ready, seen).await;
        stage
    }

    /// The same, perhaps without its directory yet.
    pub async fn starting() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("store.db"), Options::default()).unwrap();
        let store = Arc::new(store);
        for (name, n) in [("acme", 1), ("other", 2)] {
            store.put_tenant(&tenant_record(name)).await.unwrap();
            store.add_key(&key_record(name, &key(n))).await.unwrap();
        }
        let pay = PipelineRecord {
            tenant: tenant("acme"),
            name: PipelineName::new("pay").unwrap(),
            services: vec!["pay".to_owned()],
            environments: vec![],
            created_at: UnixMillis(NOW),
            retired: false,
        };
        store.put_pipeline(&pay).await.unwrap();
        Self::start(Arc::new(dir), store, ManualClock::at(NOW), "queue.db")
    }

    fn start(
        dir: Arc<tempfile::TempDir>,
        store: Arc<SqliteStore>,
        clock: Arc<ManualClock>,
        queue: &str,
    ) -> Self {
        let sqlite = SqliteQueue::open(dir.path().join(queue), QueueOptions::default());
        let sqlite = Arc::new(sqlite.unwrap());
        let queue = FaultyQueue::before(sqlite.clone());
        let control = FaultyControl::before(store.clone());
        let metrics = IngestMetrics::register(MetricsBuilder::new().registry());
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let mut tasks = Tasks::new(&shutdown);
        let parts = Parts {
            queue: queue.clone(),
            control: control.clone(),
            clock: clock.clone(),
            trusted_proxies: vec!["172.16.0.0/12".parse().unwrap()],
            metrics: metrics.clone(),
        };
        let ingest = Ingest::start(parts, &health, &mut tasks, &shutdown.token());
        Self {
            router: standard_layers(ingest.router().fallback(not_found)),
            queue,
            control,
            store,
            clock,
            health,
            metrics,
            sqlite,
            shutdown,
            _tasks: tasks,
            dir,
        }
    }

    /// Adds key `n` of `acme`, changed as the test needs it. Ingest hears of it by itself.
    pub async fn add_key(&self, n: u8, change: impl FnOnce(&mut KeyRecord)) -> ApiKey {
        let key = key(n);
        let mut record = key_record("acme", &key);
        change(&mut record);
        self.store.add_key(&record).await.unwrap();
        self.clock.advance(200);
        key
    }

    /// Takes everything out of a queue of `acme`.
    pub async fn drain(&self, name: &str) -> Vec<Message> {
        let name = pipeline("acme", name);
        let mut consumer = self.sqlite.consume(&name).await.unwrap();
        let mut messages = Vec::new();
        loop {
            let taken = consumer.next(100_000, Duration::ZERO).await.unwrap();
            if taken.is_empty() {
                return messages;
            }
            for delivery in &taken {
                let message = Message::decode(&delivery.message.body).unwrap();
                assert_eq!(delivery.message.id, message.id);
                assert_eq!(delivery.message.events as usize, message.events.len());
                messages.push(message);
            }
            let tags: Vec<_> = taken.iter().map(|d| d.tag).collect();
            consumer.ack(&tags).await.unwrap();
        }
    }
}

impl Stage {
    /// Begins an orderly end.
    pub fn leave(&self) {
        self.shutdown.begin();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// Waits for something, at most ten seconds, and says what was seen instead.
pub async fn eventually<T>(
    what: &str,
    mut look: impl FnMut() -> Option<T>,
    seen: impl Fn() -> String,
) -> T {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited for {what}: {}", seen());
        sleep(Duration::from_millis(5)).await;
    }
}
