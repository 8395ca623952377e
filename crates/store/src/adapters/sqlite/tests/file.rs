//! Files of any age and kind.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use sendry_domain::{
    dead_letter::State,
    ledger::OldestHead,
    rollup::Level,
    series::SeriesKind,
    time::{DAY, MINUTE},
    window::Window,
};

use super::{super::OpenError, Options, SqliteStore, fresh, open};
use crate::{
    ControlStore, MetricStore, TenantRecord,
    contract::{
        build::{NOW, event, request, request_of, tenant},
        metrics::View,
    },
};

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let (folder, store, t) = fresh();
    t.send(1, &request_of([event().json(), "{}".to_owned()]))
        .await;
    t.send(2, &request([event().id("a").at(NOW.plus(-DAY))]))
        .await;
    store.derive_levels().await.unwrap();
    t.send(3, &request([event().endpoint("/later")])).await;
    let settings = TenantRecord {
        id: tenant("acme"),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: DAY,
        max_payload: None,
        retained_at: None,
        stamp: None,
    };
    store.put_tenant(&settings).await.unwrap();
    MetricStore::purge(&*store, &t.id, NOW, Window::default(), OldestHead::Empty)
        .await
        .unwrap();
    let before = (
        t.tally().await,
        t.letter(State::Open).await,
        store.ledger(&t.id).await.unwrap(),
    );
    let series = t.by_series(SeriesKind::Status, Level::Day).await;
    drop((t, store));
    assert!(
        !folder.path().join("store.db-wal").exists(),
        "one file remains"
    );

    let store: Arc<dyn MetricStore> = Arc::new(open(folder.path()));
    let t = View::of(&store, "acme");
    let after = (
        t.tally().await,
        t.letter(State::Open).await,
        store.ledger(&t.id).await.unwrap(),
    );
    assert_eq!(after, before);
    for level in [Level::Hour, Level::Day, Level::Month] {
        assert_eq!(
            t.by_series(SeriesKind::Status, level).await,
            series,
            "{level:?}"
        );
    }
    // Nothing is counted again, and old names are found again.
    t.send(4, &request([event().id("a").at(NOW.plus(-DAY))]))
        .await;
    t.send(
        5,
        &request([event().endpoint("/later").at(NOW.plus(MINUTE))]),
    )
    .await;
    let tally = t.tally().await;
    assert_eq!((tally.counted, tally.duplicates), (4, 1));
    assert_eq!(
        t.by_series(SeriesKind::Status, Level::Day).await.len(),
        series.len()
    );
}

fn version(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn an_empty_file_is_brought_to_this_builds_schema_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, b"").unwrap();
    for _ in 0..2 {
        drop(open(folder.path()));
        assert_eq!(version(&path), 5);
    }
    let connection = Connection::open(&path).unwrap();
    let page: i64 = connection
        .query_row("PRAGMA page_size", [], |row| row.get(0))
        .unwrap();
    assert_eq!(page, 8_192);
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_file_of_a_newer_build_is_refused_with_advice_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(folder.path()));
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let refused = SqliteStore::open(&path, Options::default()).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Newer {
                found: 99,
                known: 5,
                ..
            }
        ),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(
        text.contains("store.db has schema 99") && text.contains("newer Sendry"),
        "{text}"
    );
    assert_eq!(version(&path), 99);
}

#[test]
fn a_file_that_is_not_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(other);
    let refused = SqliteStore::open(&path, Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign(_)), "{refused:?}");
    let other = Connection::open(&path).unwrap();
    let journal: String = other
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(journal, "delete", "it was not touched");
    drop(other);
    std::fs::write(
        &path,
        "no database at all, but long enough to look like one: ".repeat(99),
    )
    .unwrap();
    let refused = SqliteStore::open(&path, Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Open { .. }), "{refused:?}");
    let missing = folder.path().join("no/such/folder/store.db");
    assert!(SqliteStore::open(&missing, Options::default()).is_err());
}
