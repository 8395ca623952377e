//! Which servers and schemas are refused, and that any number of processes may migrate.

use super::{
    super::{OpenError, PostgresStore},
    stage::TestDatabase,
    view,
};
use crate::{
    MetricStore,
    contract::build::{event, request},
};

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_may_migrate_at_once() {
    let database = TestDatabase::empty().await;
    let tasks = (0..8).map(|_| {
        let options = database.options();
        tokio::spawn(async move { PostgresStore::migrate(&options).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    database.store().await;
}

#[tokio::test]
async fn an_empty_database_is_refused_with_what_to_do_unless_it_may_be_migrated() {
    let database = TestDatabase::empty().await;
    let refused = PostgresStore::connect(database.options())
        .await
        .unwrap_err();
    assert!(matches!(refused, OpenError::Older { found: 0, .. }));
    assert!(refused.to_string().contains("sendry migrate"), "{refused}");
    let mut options = database.options();
    options.migrate_on_start = true;
    PostgresStore::connect(options).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = TestDatabase::migrated().await;
    database
        .execute("INSERT INTO schema_step VALUES (9999, 'from the future')")
        .await;
    let refused = PostgresStore::connect(database.options()).await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 9999, .. })));
    let refused = PostgresStore::migrate(&database.options()).await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 9999, .. })));
}

#[tokio::test]
async fn a_database_that_confirms_before_it_writes_is_refused() {
    let database = TestDatabase::migrated().await;
    let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
    database.execute(sql).await;
    let refused = PostgresStore::connect(database.options())
        .await
        .unwrap_err();
    let OpenError::Setting { name, value, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!((*name, value.as_str()), ("synchronous_commit", "off"));
    assert!(refused.to_string().contains("ALTER DATABASE"), "{refused}");
}

#[tokio::test]
async fn nobody_at_the_address_is_said_with_the_address_and_without_the_password() {
    let address = "postgres://ann:s3cr3t@127.0.0.1:1/metrics";
    let refused = PostgresStore::connect(super::super::PostgresOptions::new(address)).await;
    let text = format!("{:?} {}", refused, refused.as_ref().unwrap_err());
    assert!(text.contains("ann@127.0.0.1:1/metrics"), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_told_later_to_confirm_before_it_writes_gets_no_new_connection() {
    let database = TestDatabase::migrated().await;
    let mut options = database.options();
    options.connect_timeout = std::time::Duration::from_secs(3);
    let store = PostgresStore::connect(options).await.unwrap();
    let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
    database.execute(sql).await;
    let refused = store.check().await.unwrap_err();
    assert_eq!(refused.category(), "unavailable");
    // It is for that, and for nothing else.
    database.execute(&sql.replace("= off", "= on")).await;
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_role_that_is_not_there_is_refused_with_what_to_do() {
    let database = TestDatabase::migrated().await;
    let refused = PostgresStore::connect(database.options().role("nobody_of_that_name")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, OpenError::Role { .. }));
    assert!(
        refused.to_string().contains("granted to the login"),
        "{refused}"
    );
}

/// The simplest deployment: one ordinary login that owns the database and may make no roles.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_login_may_own_everything_and_is_walled_in_all_the_same() {
    let database = TestDatabase::empty().await;
    let owner = database.owned_by("sendry_test_owner").await;
    PostgresStore::migrate(&owner).await.unwrap();
    let store = PostgresStore::connect(owner).await.unwrap();
    for name in ["a", "b"] {
        let t = view(&store, name);
        t.send(1, &request([event()])).await;
        assert_eq!(t.account().await, (1, 1, 0, 0, 0));
    }
    let mut connection = database.connection().await;
    for sql in [
        "SET ROLE sendry_test_owner",
        "SELECT set_config('sendry.tenant', 'a', false)",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM tally")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(seen, 1);
}
