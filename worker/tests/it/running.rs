//! Consumers that run, and waiting for what they do.

use std::{fmt::Debug, time::Duration};

use sendry_domain::routing::QueueName;
use sendry_runtime::{
    health::Health,
    shutdown::{Shutdown, Tasks},
};
use sendry_worker::{Parts, Role, Settings};
use tokio::time::{Instant, sleep};

use crate::harness::Bed;

/// How long a test waits for what it wants to see.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `look` finds something `good`, and says what it saw last when it never does.
pub async fn until<T: Debug>(
    what: &str,
    look: impl AsyncFn() -> T,
    good: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let seen = look().await;
        if good(&seen) {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "waited for: {what}; last seen: {seen:?}"
        );
        sleep(Duration::from_millis(10)).await;
    }
}

/// Running consumers. Dropped, they are aborted where they stand, as by a kill.
pub struct Running {
    pub health: Health,
    pub shutdown: Shutdown,
    tasks: Tasks,
}

impl Running {
    pub fn worker(bed: &Bed, parts: &Parts) -> Self {
        let settings = Settings {
            concurrency: 1,
            ..Settings::default()
        };
        Self::start(parts, Role::Worker, &bed.pipeline(), settings)
    }

    pub fn keeper(bed: &Bed, parts: &Parts) -> Self {
        Self::start(parts, Role::Keeper, &bed.parked(), Settings::default())
    }

    pub fn start(parts: &Parts, role: Role, queue: &QueueName, settings: Settings) -> Self {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let mut tasks = Tasks::new(&shutdown);
        let stop = shutdown.token();
        sendry_worker::start(parts, role, queue, settings, &health, &mut tasks, &stop);
        Self {
            health,
            shutdown,
            tasks,
        }
    }

    /// Orderly: every consumer must end by itself.
    pub async fn stop(self) {
        self.shutdown.begin();
        self.tasks.join_all(DEADLINE).await.unwrap();
    }

    /// Why its only consumer is not ready; `None` = ready.
    pub fn failure(&self) -> Option<String> {
        let report = self.health.readiness();
        report.checks()[0].failure.as_ref().map(ToString::to_string)
    }
}
