//! Sums at the end of SQLite's integers, and rows that no build wrote.

use sendry_domain::{
    query::{Detail, Filter, FoldSpec, GroupBy},
    rollup::Level,
    series::SeriesKind,
};

use super::fresh;
use crate::{
    MetricStore, StoreError,
    contract::{
        build::{NOW, arrive, event, request},
        metrics::everything,
    },
};

#[tokio::test]
async fn a_sum_stays_at_the_largest_integer() {
    let (_folder, _store, t) = fresh();
    // Three thousand bodies of the largest size that is accepted: over 2⁶³ bytes in one bucket.
    for number in 0..3 {
        let large = event().with("responseSize", 1u64 << 53);
        t.send(number, &request(vec![large; 1_000])).await;
    }
    let total = t.total(SeriesKind::Status, Level::Hour).await;
    assert_eq!(
        (total.count, total.bytes_out),
        (3_000, i64::MAX.unsigned_abs())
    );
}

#[tokio::test]
async fn a_histogram_that_cannot_be_read_is_damage_to_readers_and_to_the_writer() {
    let (_folder, store, t) = fresh();
    t.send(1, &request([event()])).await;
    let spoil = |connection: &rusqlite::Connection| {
        connection.execute("UPDATE bucket SET histogram = x'ff'", [])
    };
    store.writer.with_connection(spoil).await.unwrap();
    let spec = FoldSpec {
        kind: SeriesKind::Tenant,
        filter: Filter::default(),
        slices: vec![everything(Level::Hour)],
        group: GroupBy::Total,
        points: [].into(),
        detail: Detail::None,
    };
    let read = store.fold(&t.id, spec).await;
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    let before = store.ledger(&t.id).await.unwrap();
    let message = t.seal.message(2, &request([event()]));
    let counted = store.count(&arrive(&[message]), NOW).await;
    assert!(
        matches!(counted, Err(StoreError::Damaged { .. })),
        "{counted:?}"
    );
    assert_eq!(
        store.ledger(&t.id).await.unwrap(),
        before,
        "nothing half done"
    );
}
