//! The contract of settings, and what only many processes on one server can do.

use std::{sync::Arc, time::Duration};

use sendry_domain::{time::DAY, window::Window};
use sqlx::Row;
use tokio::time::Instant;

use super::{super::PostgresStore, stage::TestDatabase};
use crate::{
    ControlStore, StoreError, TenantRecord,
    contract::{Fresh, build::tenant},
};

/// Until something must have happened.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longer than any test waits.
const PATIENCE: Duration = Duration::from_secs(600);

mod contract {
    use super::*;

    async fn fresh() -> Fresh<dyn ControlStore> {
        let database = TestDatabase::migrated().await;
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::control_store_contract!(fresh);
}

fn settings(retention: i64) -> TenantRecord {
    TenantRecord {
        id: tenant("acme"),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: retention,
        max_payload: None,
        retained_at: None,
        stamp: None,
    }
}

/// Processes of the server that listen for this database.
async fn listeners(database: &TestDatabase) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity
               WHERE datname = current_database() AND application_name LIKE '%listener'";
    let rows = sqlx::query(sql)
        .fetch_all(&mut database.connection().await)
        .await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Waits until exactly one process listens that is none of `before`.
async fn listening(database: &TestDatabase, before: &[i32]) -> i32 {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let now = listeners(database).await;
        match *now {
            [pid] if !before.contains(&pid) => return pid,
            _ => assert!(Instant::now() < deadline, "last seen: {now:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A waiter that has come to wait: nothing but a change, or listening anew, wakes it now.
async fn waiter(store: &PostgresStore) -> tokio::task::JoinHandle<Duration> {
    let store = store.clone();
    tokio::spawn(async move {
        let begun = Instant::now();
        store.changed(PATIENCE).await;
        begun.elapsed()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_elsewhere_wakes_also_after_the_listener_was_killed() {
    let database = TestDatabase::migrated().await;
    let (here, elsewhere) = (database.store().await, database.store().await);
    assert_eq!(
        listeners(&database).await,
        [0i32; 0],
        "listens only for who waits"
    );
    let mut killed = Vec::new();
    for round in 0..3 {
        // Listening anew wakes once; after that only changes do.
        let woken = waiter(&here).await;
        let pid = listening(&database, &killed).await;
        tokio::time::timeout(DEADLINE, woken)
            .await
            .unwrap()
            .unwrap();
        let woken = waiter(&here).await;
        // The waiter may not have come to wait yet, so the change is made again until it is heard.
        let changing = async {
            for n in 1.. {
                elsewhere
                    .put_tenant(&settings(round * DAY + n))
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            woken = tokio::time::timeout(DEADLINE, woken) => { woken.unwrap().unwrap(); }
            () = changing => {}
        }
        let mut connection = database.connection().await;
        let ended = sqlx::query("SELECT pg_terminate_backend($1)").bind(pid);
        ended.execute(&mut connection).await.unwrap();
        killed.push(pid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_while_nobody_listened_wakes_when_listening_begins_again() {
    let database = TestDatabase::migrated().await;
    let (here, elsewhere) = (database.store().await, database.store().await);
    waiter(&here).await.await.unwrap();
    let first = listening(&database, &[]).await;
    let woken = waiter(&here).await;
    let mut connection = database.connection().await;
    let ended = sqlx::query("SELECT pg_terminate_backend($1)").bind(first);
    ended.execute(&mut connection).await.unwrap();
    elsewhere.put_tenant(&settings(DAY)).await.unwrap();
    tokio::time::timeout(DEADLINE, woken)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_holds_no_connection_of_the_pool() {
    let database = TestDatabase::migrated().await;
    let mut options = database.options().role("sendry_worker");
    options.connections = 1;
    let store = PostgresStore::connect(options).await.unwrap();
    waiter(&store).await.await.unwrap();
    let waiting = [
        waiter(&store).await,
        waiter(&store).await,
        waiter(&store).await,
    ];
    let version = tokio::time::timeout(DEADLINE, store.version()).await;
    assert_eq!(version.unwrap().unwrap(), 0);
    for task in waiting {
        assert!(!task.is_finished(), "woken by nothing");
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_listens_no_more() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    waiter(&store).await.await.unwrap();
    listening(&database, &[]).await;
    store.close().await;
    let deadline = Instant::now() + DEADLINE;
    loop {
        let now = listeners(&database).await;
        if now.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "last seen: {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Waiting for nothing is over with the patience.
    store.changed(Duration::from_millis(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_race_all_raise_the_version_and_snapshots_agree_with_it() {
    let database = TestDatabase::migrated().await;
    let store = Arc::new(database.store().await);
    let mut tasks = Vec::new();
    for task in 0..8i64 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let id = tenant(&format!("t{task}"));
            for n in 1..=10 {
                let changed = TenantRecord {
                    id: id.clone(),
                    ..settings(n)
                };
                store.put_tenant(&changed).await.unwrap();
                store.put_tenant(&changed).await.unwrap();
                let seen = store.snapshot().await.unwrap();
                // Each tenant's retention is the number of its changes.
                let changes: i64 = seen.tenants.iter().map(|t| t.raw_retention).sum();
                assert_eq!(seen.version, changes as u64);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.version().await.unwrap(), 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_raises_the_version_once_and_nothing_raises_nothing() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    store.put_tenant(&settings(DAY)).await.unwrap();
    let version = store.version().await.unwrap();
    database
        .execute("UPDATE tenant_setting SET suspended = suspended")
        .await;
    assert_eq!(store.version().await.unwrap(), version);
    database
        .execute("UPDATE tenant_setting SET suspended = true")
        .await;
    assert_eq!(store.version().await.unwrap(), version + 1);
    assert!(store.snapshot().await.unwrap().tenants[0].suspended);
    database.execute("DELETE FROM tenant_setting").await;
    assert_eq!(store.version().await.unwrap(), version + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_reads_settings_and_changes_none() {
    let database = TestDatabase::migrated().await;
    let worker = database.store().await;
    worker.put_tenant(&settings(DAY)).await.unwrap();
    let options = database.options().role("sendry_analytics");
    let analytics = PostgresStore::connect(options).await.unwrap();
    analytics.check().await.unwrap();
    assert_eq!(analytics.snapshot().await.unwrap().tenants, [settings(DAY)]);
    assert_eq!(analytics.beats().await.unwrap(), []);
    let refused = analytics.put_tenant(&settings(2 * DAY)).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(worker.snapshot().await.unwrap().tenants, [settings(DAY)]);
}
