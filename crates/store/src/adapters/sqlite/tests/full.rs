//! A disk without room.

use rusqlite::Connection;
use sendry_domain::{rollup::Level, series::SeriesKind};

use super::{super::SqliteStore, fresh};
use crate::{
    MetricStore, StoreError,
    contract::build::{NOW, arrive, event, request},
};

/// Lets the file grow by so many pages from now on.
async fn room_for(store: &SqliteStore, pages: i64) {
    let limit = move |connection: &Connection| {
        let used: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let pragma = format!("PRAGMA max_page_count = {}", used + pages);
        connection.query_row(&pragma, [], |_| Ok(()))
    };
    store.writer.with_connection(limit).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_unavailable_changes_nothing_and_passes() {
    let (_folder, store, t) = fresh();
    t.send(1, &request([event().endpoint("/first")])).await;
    store.derive_levels().await.unwrap();
    let before = (
        t.tally().await,
        t.by_series(SeriesKind::Status, Level::Day).await,
    );

    room_for(&store, 2).await;
    let many =
        request((0..900).map(|i| event().endpoint(&format!("/new/{i}")).id(&format!("e-{i}"))));
    let message = t.seal.message(2, &many);
    for _ in 0..2 {
        let full = store
            .count(&arrive(std::slice::from_ref(&message)), NOW)
            .await;
        match full {
            Err(error @ StoreError::Unavailable { unknown: false, .. }) => {
                assert_eq!(error.category(), "unavailable");
                assert_eq!(
                    error.to_string(),
                    "failed to count events: the metric store is unavailable"
                );
            }
            other => panic!("{other:?}"),
        }
        // Reads go on.
        let after = (
            t.tally().await,
            t.by_series(SeriesKind::Status, Level::Day).await,
        );
        assert_eq!(after, before);
    }
    let rehearsed = store
        .rehearse(&arrive(std::slice::from_ref(&message)), NOW)
        .await;
    assert!(
        matches!(rehearsed, Err(StoreError::Unavailable { .. })),
        "{rehearsed:?}"
    );

    room_for(&store, 100_000).await;
    // New names met in the failed transactions are met again.
    t.count(std::slice::from_ref(&message)).await;
    assert_eq!(t.account().await, (901, 901, 0, 0, 0));
    assert_eq!(
        t.by_series(SeriesKind::Endpoint, Level::Hour).await.len(),
        901
    );
    let counted = t.count(&[message]).await.remove(0);
    assert!(counted.won.redelivered && counted.folded.is_empty());
}
