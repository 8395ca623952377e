//! Waiting for what another process does.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// How long a state may take to come on a busy machine. What is asked of the product is far less, and told beside.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until there is a value, and says what was seen instead when none comes.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
    within(PATIENCE, what, look).await
}

/// The same, with another patience.
pub async fn within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) if began.elapsed() > patience => {
                panic!("waited {patience:?} for {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// `Ok` when it is so.
pub fn is(so: bool, seen: impl Debug) -> Result<(), String> {
    so.then_some(()).ok_or_else(|| format!("{seen:?}"))
}

/// What was measured, for whoever reads the output.
pub fn told(what: &str, took: Duration) {
    println!("measured: {what}: {:.2} s", took.as_secs_f64());
}
