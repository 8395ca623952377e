//! What an operator writes, where it meets others on one server.

use std::{sync::Arc, time::Duration};

use sendry_domain::{time::DAY, window::Window};
use sqlx::Connection;
use uuid::Uuid;

use super::stage::TestDatabase;
use crate::{
    ControlStore, OperatorStore, Stamp, Superseder, TenantRecord, Written, contract::build::tenant,
};

/// Until something must have happened.
const DEADLINE: Duration = Duration::from_secs(60);

fn settings(name: &str, retention: i64) -> TenantRecord {
    TenantRecord {
        id: tenant(name),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: retention,
        max_payload: None,
        retained_at: None,
        stamp: None,
    }
}

fn stamp(epoch: u64) -> Stamp {
    Stamp {
        epoch,
        uid: Uuid::from_u128(1),
        generation: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_while_another_takes_the_lead_changes_nothing() {
    let database = TestDatabase::migrated().await;
    let store = Arc::new(database.store().await);
    let epoch = store.claim_epoch().await.unwrap();
    let mut other = database.connection().await;
    let mut claiming = other.begin().await.unwrap();
    sqlx::query("UPDATE control SET epoch = epoch + 1")
        .execute(&mut *claiming)
        .await
        .unwrap();
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            let asked = settings("acme", DAY);
            store.apply_tenant(&stamp(epoch), &asked).await.unwrap()
        })
    };
    database.wait_for_locks(1).await;
    claiming.commit().await.unwrap();
    let by = Superseder::Leader { epoch: epoch + 1 };
    let written = tokio::time::timeout(DEADLINE, writing).await;
    assert_eq!(written.unwrap().unwrap(), Written::Superseded { by });
    assert!(store.snapshot().await.unwrap().tenants.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_an_operator_who_write_at_once_never_wait_for_each_other() {
    let database = TestDatabase::migrated().await;
    let (people, operator) = (database.store().await, database.store().await);
    let epoch = operator.claim_epoch().await.unwrap();
    let by_hand = async {
        for n in 1..=100 {
            people.put_tenant(&settings("acme", n)).await.unwrap();
        }
    };
    let applying = async {
        for n in 1..=100 {
            let asked = settings("acme", DAY + n);
            let written = operator.apply_tenant(&stamp(epoch), &asked).await.unwrap();
            assert_eq!(written, Written::Done);
        }
    };
    // A deadlock would be broken by the server after a second, and the work tried again.
    tokio::join!(by_hand, applying);
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let deadlocks: i64 = sqlx::query_scalar(sql)
        .fetch_one(&mut database.connection().await)
        .await
        .unwrap();
    assert_eq!(deadlocks, 0);
    assert_eq!(people.version().await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_changes_wakes_ingest_elsewhere() {
    let database = TestDatabase::migrated().await;
    let (operator, ingest) = (database.store().await, database.store().await);
    let epoch = operator.claim_epoch().await.unwrap();
    // Listening anew wakes once; after that only changes do.
    tokio::time::timeout(DEADLINE, ingest.changed(DEADLINE * 6))
        .await
        .unwrap();
    let changing = async {
        // The waiter may not have come to wait yet, so the change is made again until it is heard.
        for n in 1.. {
            let asked = settings("acme", n);
            let written = operator.apply_tenant(&stamp(epoch), &asked).await.unwrap();
            assert_eq!(written, Written::Done);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        woken = tokio::time::timeout(DEADLINE, ingest.changed(DEADLINE * 6)) => woken.unwrap(),
        () = changing => {}
    }
}
