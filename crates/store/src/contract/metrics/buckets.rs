//! Buckets: every level says the same, whenever it is read.

use std::{collections::BTreeMap, sync::Arc};

use sendry_domain::{
    message::Scope,
    query::{Detail, Filter, FoldSpec, GroupBy, cover},
    rollup::{Cell, HOUR_RETENTION, Level, MINUTE_RETENTION},
    series::{Series, SeriesKind},
    time::{DAY, HOUR, MINUTE},
};

use super::{
    super::build::{EventBuilder, NOW, Sealer, event, request},
    View,
};
use crate::MetricStore;

/// Events over the last two days: three services, some environments, routes, methods, statuses, sizes.
pub(super) fn varied(n: usize) -> Vec<EventBuilder> {
    let one = |i: usize| {
        let event = event()
            .service(["shop", "auth", "mail"][i % 3])
            .endpoint(&format!("/r/{}", i % 7))
            .with("method", ["GET", "POST"][i % 2])
            .status([200, 201, 404, 500, 0][i % 5])
            .with("latencyMs", (i * i % 977) as f64 / 8.0)
            .at(NOW.plus(-(i as i64 * 7_919_000) % (47 * HOUR)));
        match i % 4 {
            0 => event
                .with("environment", "production")
                .with("requestSize", i),
            1 => event
                .with("environment", "staging")
                .with("responseSize", 3 * i),
            _ => event,
        }
    };
    (0..n).map(one).collect()
}

/// Imported events of the last `days` days, one every seven hours.
fn history(days: i64) -> Vec<EventBuilder> {
    let at = |i: i64| NOW.plus(-i * 7 * HOUR);
    let one = |i: i64| {
        event()
            .at(at(i))
            .endpoint(&format!("/h/{}", i % 3))
            .with("latencyMs", 1 + i % 50)
    };
    (0..days * 24 / 7).map(one).collect()
}

fn import(t: &View) -> Sealer {
    Sealer {
        scope: Scope::Backfill,
        ..t.seal.clone()
    }
}

/// Every series of every kind and of the levels given.
async fn levels(t: &View, levels: &[Level]) -> Vec<[BTreeMap<Series, Cell>; 4]> {
    let mut all = Vec::new();
    for level in levels {
        let mut of_level: [BTreeMap<Series, Cell>; 4] = Default::default();
        for kind in SeriesKind::ALL {
            of_level[kind as usize] = t.by_series(kind, *level).await;
        }
        all.push(of_level);
    }
    all
}

const COARSE: [Level; 3] = [Level::Hour, Level::Day, Level::Month];

pub async fn totals_equal_the_sums_of_their_leaves_at_every_level(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "leaves");
    for (number, chunk) in varied(300).chunks(70).enumerate() {
        t.send(number as u32, &request(chunk.to_vec())).await;
    }
    store.derive_levels().await.unwrap();
    for of_level in levels(&t, &Level::ALL).await {
        let leaves = &of_level[SeriesKind::Status as usize];
        for kind in SeriesKind::ALL {
            let mut sums = BTreeMap::<Series, Cell>::new();
            for (series, cell) in leaves {
                sums.entry(series.as_kind(kind)).or_default().merge(cell);
            }
            assert_eq!(of_level[kind as usize], sums, "{kind:?}");
        }
        let total: u64 = leaves.values().map(|cell| cell.count).sum();
        assert_eq!(total, 300);
    }
}

pub async fn an_answer_is_the_same_before_and_after_deriving(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "derive");
    t.count(&[import(&t).message(1, &request(history(150)))])
        .await;
    t.send(2, &request(varied(100))).await;
    let before = levels(&t, &COARSE).await;
    assert_eq!(before[1], before[0], "days equal their hours");
    assert_eq!(before[2], before[0], "months equal their hours");
    assert!(store.derive_levels().await.unwrap() > 0);
    assert_eq!(levels(&t, &COARSE).await, before);
    // Ranges that begin and end inside days and months, read from as few buckets as possible.
    let ranges = [
        (140 * DAY, 3 * DAY),
        (61 * DAY + 5 * HOUR, 0),
        (DAY, 2 * HOUR),
    ];
    for (from, to) in ranges.map(|(f, u)| (NOW.plus(-f), NOW.plus(-u))) {
        let ask = async |coarsest| {
            let groups = t.ask(FoldSpec {
                kind: SeriesKind::Status,
                filter: Filter::default(),
                slices: cover(from, to, Level::Hour, coarsest),
                group: GroupBy::Series,
                points: [].into(),
                detail: Detail::None,
            });
            let groups = groups.await.into_iter();
            groups
                .map(|g| (g.series, g.total))
                .collect::<BTreeMap<_, _>>()
        };
        let hours = ask(Level::Hour).await;
        assert!(!hours.is_empty());
        assert_eq!(ask(Level::Day).await, hours);
        assert_eq!(ask(Level::Month).await, hours);
    }
}

pub async fn late_events_change_days_and_months_derived_before(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "late");
    t.count(&[import(&t).message(1, &request(history(150)))])
        .await;
    store.derive_levels().await.unwrap();
    // Into a day of this month, one of last month, and one that had nothing yet in a month that had something.
    let late = [1, 30, 149].map(|d| event().at(NOW.plus(-d * DAY - 3 * HOUR)).endpoint("/late"));
    t.count(&[import(&t).message(2, &request(late))]).await;
    let before = levels(&t, &COARSE).await;
    assert_eq!(before[1], before[0], "days, before deriving");
    assert_eq!(before[2], before[0], "months, before deriving");
    assert!(store.derive_levels().await.unwrap() > 0);
    assert_eq!(levels(&t, &COARSE).await, before);
    let total = t.total(SeriesKind::Tenant, Level::Month).await;
    assert_eq!(total.count as i64, t.tally().await.counted);
}

pub async fn deriving_again_changes_nothing(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "derive-again");
    t.send(1, &request(varied(50))).await;
    store.derive_levels().await.unwrap();
    let derived = levels(&t, &Level::ALL).await;
    for _ in 0..2 {
        store.derive_levels().await.unwrap();
        assert_eq!(levels(&t, &Level::ALL).await, derived);
    }
    // A redelivery touches nothing either.
    t.send(1, &request(varied(50))).await;
    store.derive_levels().await.unwrap();
    assert_eq!(levels(&t, &Level::ALL).await, derived);
}

pub async fn events_older_than_minutes_are_in_hours_only(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "late-levels");
    let edge = NOW.plus(-MINUTE_RETENTION);
    let file = [edge.plus(-1), edge, NOW].map(|at| event().at(at));
    t.count(&[import(&t).message(1, &request(file))]).await;
    assert_eq!(t.total(SeriesKind::Tenant, Level::Minute).await.count, 2);
    assert_eq!(t.total(SeriesKind::Tenant, Level::Hour).await.count, 3);
    assert_eq!(t.tally().await.late, 0, "history is not late");
    // A live event that waited so long in the queue is.
    let waited = Sealer {
        accepted_at: edge.plus(-HOUR),
        ..t.seal.clone()
    };
    let live = request([event().at(edge.plus(-HOUR))]);
    t.count(&[waited.message(2, &live)]).await;
    assert_eq!(t.total(SeriesKind::Tenant, Level::Minute).await.count, 2);
    assert_eq!(t.total(SeriesKind::Tenant, Level::Day).await.count, 4);
    assert_eq!(t.tally().await.late, 1);
}

pub async fn rows_leave_with_their_retention(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "retention");
    let minutes = [-MINUTE_RETENTION, -HOUR, 0].map(|age| event().at(NOW.plus(age)));
    t.count(&[import(&t).message(1, &request(minutes))]).await;
    let old = request([event().at(NOW.plus(-HOUR_RETENTION + DAY))]);
    t.count(&[import(&t).message(2, &old)]).await;
    store.derive_levels().await.unwrap();
    let count = async |level| t.total(SeriesKind::Status, level).await.count;
    assert_eq!(
        (count(Level::Minute).await, count(Level::Hour).await),
        (3, 4)
    );
    assert!(
        t.purge(NOW.plus(2 * MINUTE)).await >= 4,
        "a minute of every kind"
    );
    assert_eq!(
        (count(Level::Minute).await, count(Level::Hour).await),
        (2, 4)
    );
    // Past 25 months, and past the end of the month that they fell in.
    t.purge(NOW.plus(40 * DAY)).await;
    assert_eq!(count(Level::Minute).await, 0);
    for level in COARSE {
        assert_eq!(count(level).await, 3, "{level:?}");
    }
    t.purge(NOW.plus(HOUR_RETENTION + 40 * DAY)).await;
    for level in COARSE {
        assert_eq!(count(level).await, 0, "{level:?}");
    }
}

pub async fn one_purge_drops_any_number_of_rows(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "many-rows");
    // More of one kind than an adapter may drop in one transaction, cut in the middle of a minute.
    for minute in 0..9 {
        let at = NOW.plus(-minute * MINUTE);
        let events = (0..700).map(|route| event().at(at).endpoint(&format!("/{route}")));
        t.send(minute as u32, &request(events)).await;
    }
    let dropped = t.purge(NOW.plus(MINUTE_RETENTION + DAY)).await;
    assert!(dropped >= 2 * 9 * 700, "{dropped}");
    for kind in SeriesKind::ALL {
        assert_eq!(t.total(kind, Level::Minute).await.count, 0, "{kind:?}");
        assert_eq!(t.total(kind, Level::Hour).await.count, 6_300, "{kind:?}");
    }
}
