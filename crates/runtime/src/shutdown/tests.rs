mod signals;

use std::future::pending;
use std::time::Duration;

use super::*;

const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
#[error("failed to read queue `{0}`")]
struct ReadQueue(&'static str);

fn until_told(shutdown: &Shutdown) -> impl Future<Output = ()> + use<> {
    shutdown.token().cancelled_owned()
}

async fn out_of_luck() {
    panic!("out of {}", "luck");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_end_after_the_shutdown_began_are_no_failure() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn_vital("consumer", until_told(&shutdown));
    tasks.spawn("refresh", async { Ok::<(), ReadQueue>(()) });
    shutdown.begin();
    tasks.join_all(GRACE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_vital_task_stops_the_others_and_is_reported_by_name() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn_vital("server", until_told(&shutdown));
    tasks.spawn_vital("consumer", async {});
    let error = tasks.join_all(GRACE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `consumer` ended before the shutdown"
    );
    shutdown.begun().await;
}

#[tokio::test(start_paused = true)]
async fn a_vital_tasks_panic_or_error_stops_the_others() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn_vital("server", until_told(&shutdown));
    tasks.spawn_vital("keeper", out_of_luck());
    let error = tasks.join_all(GRACE).await.unwrap_err();
    assert_eq!(error.to_string(), "task `keeper` panicked: out of luck");

    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn_vital("server", until_told(&shutdown));
    tasks.spawn_vital("consumer", async { Err(ReadQueue("q")) });
    let error = tasks.join_all(GRACE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `consumer` failed: failed to read queue `q`"
    );
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_begins_before_anyone_joins() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn_vital("consumer", async {});
    shutdown.begun().await;
    assert!(tasks.join_all(GRACE).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_failing_task_that_is_not_vital_stops_nobody() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn("refresh", async { Err(ReadQueue("q")) });
    let error = tasks.join_all(GRACE).await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    assert!(!shutdown.token().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn what_outlives_the_grace_period_is_aborted_and_named() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    tasks.spawn_vital("stuck", pending::<()>());
    tasks.spawn_vital("good", until_told(&shutdown));
    shutdown.begin();
    let error = tasks.join_all(GRACE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `stuck` did not finish in its grace period"
    );
}
