//! Row-level security: what is seen when every filter of ours is left out.

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::{stage::TestDatabase, view};
use crate::{
    MetricStore,
    contract::build::{NOW, event, request, request_of},
};

/// Tables without rows of tenants: the schema's steps, the version of the settings, and what processes say of themselves.
const OPEN: [&str; 3] = ["schema_step", "control", "process"];

async fn tables(connection: &mut PgConnection) -> Vec<(String, bool, bool)> {
    let sql = "SELECT relname::text, relrowsecurity, relforcerowsecurity FROM pg_class
               WHERE relnamespace = 'sendry'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname";
    sqlx::query_as(sql).fetch_all(connection).await.unwrap()
}

/// How many rows of each table a tenant has, as somebody who asks for all.
async fn seen(connection: &mut PgConnection) -> Vec<(String, i64)> {
    let mut seen = Vec::new();
    for (table, ..) in tables(connection).await {
        if OPEN.contains(&table.as_str()) {
            continue;
        }
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let rows = sqlx::query_scalar(sql).fetch_one(&mut *connection).await;
        let rows = match rows {
            Ok(rows) => rows,
            // Not granted at all is as good.
            Err(error) if error.to_string().contains("permission denied") => 0,
            Err(error) => panic!("{table}: {error}"),
        };
        seen.push((table, rows));
    }
    seen
}

/// How many rows of each table a tenant has, as its column of tenants says: a number or a name.
async fn owned(database: &TestDatabase, tenant: &str) -> Vec<(String, i64)> {
    let mut server = database.connection().await;
    let mut owned = Vec::new();
    for (table, ..) in tables(&mut server).await {
        if OPEN.contains(&table.as_str()) {
            continue;
        }
        let sql = "SELECT format_type(atttypid, NULL) FROM pg_attribute
                   WHERE attrelid = $1::regclass AND attname = 'tenant'";
        let column: Option<String> = sqlx::query_scalar(sql)
            .bind(&table)
            .fetch_optional(&mut server)
            .await
            .unwrap();
        let condition = match column.as_deref() {
            Some("integer") => "tenant = (SELECT no FROM tenant WHERE name = $1)",
            Some("text") => "tenant = $1",
            None if table == "tenant" => "name = $1",
            _ => continue,
        };
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE {condition}"));
        let rows = sqlx::query_scalar(sql).bind(tenant);
        owned.push((table, rows.fetch_one(&mut server).await.unwrap()));
    }
    owned
}

/// Two tenants with rows in every table of the metric store.
async fn two_tenants(database: &TestDatabase) {
    let store = database.store().await;
    for name in ["a", "b"] {
        let t = view(&store, name);
        let batch = request([event().id(&format!("of-{name}"))]).batch(3);
        t.send(1, &batch).await;
        let poison = request_of(["{}".to_owned(), event().json()]);
        t.send(2, &poison).await;
        store.raw_refused(&t.id, &[t.place(2, 1)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_with_rows_of_tenants_has_a_wall_that_holds_for_its_owner_too() {
    let database = TestDatabase::migrated().await;
    let mut server = database.connection().await;
    for (table, enabled, forced) in tables(&mut server).await {
        let walled = enabled && forced;
        assert!(
            walled || OPEN.contains(&table.as_str()),
            "table {table} has no forced row-level security; CALL sendry.protect('sendry.{table}', …)"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_sees_the_tenant_that_is_set_and_without_one_nothing() {
    let database = TestDatabase::migrated().await;
    two_tenants(&database).await;
    let mut all = database.connection().await;
    let everything = seen(&mut all).await;
    let metric = |rows: &[(String, i64)]| -> i64 { rows.iter().map(|(_, rows)| rows).sum() };
    assert!(metric(&everything) > 20, "{everything:?}");

    let mut analytics = database.connection().await;
    analytics
        .execute("SET ROLE sendry_analytics")
        .await
        .unwrap();
    let nothing = seen(&mut analytics).await;
    assert!(nothing.iter().all(|(_, rows)| *rows == 0), "{nothing:?}");
    for tenant in ["a", "b"] {
        sqlx::query("SELECT set_config('sendry.tenant', $1, false)")
            .bind(tenant)
            .execute(&mut analytics)
            .await
            .unwrap();
        let own = seen(&mut analytics).await;
        for (table, rows) in owned(&database, tenant).await {
            assert!(
                own.contains(&(table.clone(), rows)),
                "{table}: {rows} of {own:?}"
            );
        }
        assert!(metric(&own) > 8, "{own:?}");
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM tenant")
            .fetch_all(&mut analytics)
            .await
            .unwrap();
        assert_eq!(names, [tenant]);
    }
    // Nor can it write for another.
    let sql = "INSERT INTO tally SELECT no, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1 FROM generate_series(1, 9) AS no";
    let written = analytics.execute(sql).await;
    assert!(
        written
            .unwrap_err()
            .to_string()
            .contains("row-level security")
    );
    let changed = analytics.execute("UPDATE tally SET counted = 0").await;
    assert!(changed.unwrap().rows_affected() <= 8, "its own alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_confined_to_a_tenant_sees_that_one_only() {
    let database = TestDatabase::migrated().await;
    two_tenants(&database).await;
    let mut worker = database.connection().await;
    worker.execute("SET ROLE sendry_worker").await.unwrap();
    worker
        .execute("SELECT set_config('sendry.tenant', 'a', false)")
        .await
        .unwrap();
    let own = seen(&mut worker).await;
    for (table, rows) in owned(&database, "a").await {
        assert!(
            own.contains(&(table.clone(), rows)),
            "{table}: {rows} of {own:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_reads_answers_and_settles_letters_of_the_tenant_it_is_asked_for() {
    let database = TestDatabase::migrated().await;
    two_tenants(&database).await;
    let options = database.options().role("sendry_analytics");
    let analytics = super::super::PostgresStore::connect(options).await.unwrap();
    let t = view(&analytics, "b");
    let tally = t.tally().await;
    assert_eq!((tally.counted, tally.dead_open), (2, 1));
    let body = event().endpoint("/never/seen").json();
    let event = crate::contract::metrics::parse(&body);
    let replayed = analytics
        .replay(&t.id, t.place(2, 0), &event, &body, NOW)
        .await
        .unwrap();
    assert_eq!(&*replayed.endpoint, "/never/seen");
    assert_eq!(t.account().await, (3, 3, 0, 0, 0));
    let a = view(&analytics, "a");
    analytics
        .discard(&a.id, a.place(2, 0), "a reason", NOW)
        .await
        .unwrap();
    assert_eq!(a.tally().await.discarded, 1);
    // What it has no right to is a matter of rights, not of data.
    let counted = t.store.purge(
        &t.id,
        NOW,
        Default::default(),
        sendry_domain::ledger::OldestHead::Empty,
    );
    assert_eq!(counted.await.unwrap_err().category(), "unavailable");
}
