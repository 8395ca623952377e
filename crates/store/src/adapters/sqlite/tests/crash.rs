//! The machine stops at any moment: files copied while the store writes are what a start after that finds.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use rusqlite::Connection;
use sendry_domain::{rollup::Level, series::SeriesKind, time::HOUR};

use super::{fresh, open};
use crate::{
    MetricStore,
    contract::{
        build::{NOW, event, request},
        metrics::View,
    },
};

/// Events a message.
const SIZE: u32 = 20;

/// Both files as of one moment: they are copied one after the other, and in between the log could begin anew. While
/// somebody reads as of a moment, what the log holds since stays in it.
fn copy(from: &Path, to: &Path) {
    let mut reader = Connection::open(from.join("store.db")).unwrap();
    let reading = reader.transaction().unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema";
    let _: i64 = reading.query_row(tables, [], |row| row.get(0)).unwrap();
    for file in ["store.db", "store.db-wal"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_at_any_moment_opens_with_everything_confirmed_before_it() {
    let (folder, store, t) = fresh();
    let confirmed = Arc::new(AtomicU32::new(0));
    let (writer, counter) = (t.clone(), confirmed.clone());
    let writing = tokio::spawn(async move {
        for number in 0.. {
            let hours = (0..SIZE).map(|i| NOW.plus(-i64::from(i) * HOUR));
            let events = hours.map(|at| event().at(at).endpoint(&format!("/c/{}", number % 50)));
            writer.send(number, &request(events)).await;
            counter.store(number + 1, Ordering::Release);
        }
    });
    for round in 1..=5 {
        while confirmed.load(Ordering::Acquire) < round * 20 {
            tokio::task::yield_now().await;
        }
        store.derive_levels().await.unwrap();
        let copied = tempfile::tempdir().unwrap();
        let before = confirmed.load(Ordering::Acquire);
        copy(folder.path(), copied.path());

        let crashed: Arc<dyn MetricStore> = Arc::new(open(copied.path()));
        let view = View::of(&crashed, "acme");
        // The account closes, and says the same as hours (both are checked in there).
        let tally = view.tally().await;
        assert!(
            tally.counted >= i64::from(before * SIZE),
            "{} < {before}",
            tally.counted
        );
        assert_eq!(tally.counted % i64::from(SIZE), 0, "whole messages");
        for kind in SeriesKind::ALL {
            for level in Level::ALL {
                let count = view.total(kind, level).await.count;
                assert_eq!(count as i64, tally.counted, "{kind:?} {level:?}");
            }
        }
        // It goes on from there, and what it knows does not count again.
        let known = view.seal.id(0);
        let again = view.send(0, &request([event()])).await;
        assert!(again.won.redelivered && again.won.message == known);
        crashed.derive_levels().await.unwrap();
        assert_eq!(view.tally().await, tally);
    }
    writing.abort();
}
