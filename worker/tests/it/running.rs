//! Workers that run, and waiting for what they do.

use std::time::Duration;

use sendry_runtime::shutdown::{Shutdown, Tasks};
use tokio::time::{Instant, sleep};

/// How long a test waits for what it wants to see.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Workers that run.
pub struct Running {
    pub shutdown: Shutdown,
    pub tasks: Tasks,
}

impl Running {
    pub fn alive(&self) -> bool {
        !self.shutdown.token().is_cancelled()
    }

    pub fn begin_stop(&self) {
        self.shutdown.begin();
    }

    /// Stops in order.
    pub async fn stop(self) {
        self.shutdown.begin();
        self.tasks.join_all(PATIENCE).await.unwrap();
    }
}

/// Waits for something and says what was seen instead.
pub async fn eventually<T>(
    what: &str,
    mut look: impl FnMut() -> Option<T>,
    seen: impl Fn() -> String,
) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited for {what}: {}", seen());
        sleep(Duration::from_millis(5)).await;
    }
}
