//! Buckets: every level says the same, whenever it is read.

use std::{collections::BTreeMap, sync::Arc};

use sendry_domain::{
    histogram::Histogram,
    message::Scope,
    query::{Detail, Filter, FoldSpec, GroupBy, PointValues, Slice, cover},
    rollup::{Cell, HOUR_RETENTION, Level, MINUTE_RETENTION},
    series::{Series, SeriesKind},
    time::{DAY, HOUR, MINUTE},
};

use super::{
    super::build::{EventBuilder, NOW, Sealer, event, request},
    View, everything,
};
use crate::MetricStore;

/// Events over the last two days: three services, some environments, routes, methods, statuses, sizes.
fn varied(n: usize) -> Vec<EventBuilder> {
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

pub async fn filters_and_groups_choose_series(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "filters");
    t.send(1, &request(varied(210))).await;
    let all = t.by_series(SeriesKind::Status, Level::Hour).await;
    let some = |text: &str| Some(text.to_owned());
    let filters = [
        Filter::default(),
        Filter {
            service: some("auth"),
            ..Filter::default()
        },
        Filter {
            environment: some("staging"),
            method: some("POST"),
            ..Filter::default()
        },
        Filter {
            service: some("shop"),
            endpoint: some("/r/3"),
            method: some("POST"),
            ..Filter::default()
        },
        Filter {
            service: some("nobody"),
            ..Filter::default()
        },
    ];
    for filter in filters {
        for group in [
            GroupBy::Total,
            GroupBy::Status,
            GroupBy::Service,
            GroupBy::Series,
        ] {
            let mut expected = BTreeMap::<Series, Cell>::new();
            for (series, cell) in all.iter().filter(|(series, _)| filter.matches(series)) {
                let name = match group {
                    GroupBy::Total => Series::default(),
                    GroupBy::Status => Series {
                        status: series.status,
                        ..Series::default()
                    },
                    GroupBy::Service => Series {
                        service: series.service.clone(),
                        environment: series.environment.clone(),
                        ..Series::default()
                    },
                    GroupBy::Series => series.clone(),
                };
                expected.entry(name).or_default().merge(cell);
            }
            // From hours, and from the minutes that a chart of a single route reads.
            for level in [Level::Minute, Level::Hour] {
                let groups = t.ask(FoldSpec {
                    kind: SeriesKind::Status,
                    filter: filter.clone(),
                    slices: vec![everything(level)],
                    group,
                    points: [].into(),
                    detail: Detail::None,
                });
                let groups = groups.await.into_iter();
                let groups: BTreeMap<_, _> = groups.map(|g| (g.series, g.total)).collect();
                assert_eq!(groups, expected, "{filter:?} {group:?} {level:?}");
            }
        }
    }
}

pub async fn a_few_series_of_many_are_read_whole(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "few-of-many");
    // Thirty routes of fifteen services, each with something in most of sixty minutes.
    let one = |i: i64| {
        let (route, minute) = (i % 30, i / 30);
        event()
            .service(&format!("s{}", route / 2))
            .endpoint(&format!("/{route}"))
            .at(NOW.plus(-minute * MINUTE))
    };
    let busy = |i: &i64| (i / 30 + i) % 7 != 0;
    let events = (0..30 * 60).filter(busy).map(one);
    t.send(1, &request(events)).await;
    let points: Vec<_> = (0..60)
        .rev()
        .map(|m| Level::Minute.floor(NOW.plus(-m * MINUTE)))
        .collect();
    for (service, endpoint) in [
        ("s3", Some("/7")),
        ("s0", None),
        ("s14", None),
        ("s9", Some("/7")),
    ] {
        let matches = |route: i64| {
            format!("s{}", route / 2) == service
                && endpoint.is_none_or(|e| e == format!("/{route}"))
        };
        let expected: Vec<u64> = (0..60)
            .rev()
            .map(|minute| {
                let here = (0..30).filter(|r| matches(*r) && busy(&(minute * 30 + r)));
                here.count() as u64
            })
            .collect();
        let groups = t.ask(FoldSpec {
            kind: SeriesKind::Endpoint,
            filter: Filter {
                service: Some(service.to_owned()),
                endpoint: endpoint.map(str::to_owned),
                ..Filter::default()
            },
            slices: vec![everything(Level::Minute)],
            group: GroupBy::Total,
            points: points.clone().into(),
            detail: Detail::Counts,
        });
        let counts = match groups.await.pop().map(|group| group.points) {
            Some(PointValues::Counts(counts)) => counts,
            None => vec![0; 60],
            Some(other) => panic!("{other:?}"),
        };
        assert_eq!(counts, expected, "{service} {endpoint:?}");
    }
}

pub async fn points_take_the_buckets_after_them(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "points");
    let hour = Level::Hour.floor(NOW);
    let at = |hours: i64, minutes: i64| hour.plus(hours * HOUR + minutes * MINUTE);
    let times = [at(-5, 59), at(-4, 0), at(-3, 0), at(-3, 30), at(0, 0)];
    t.send(1, &request(times.map(|time| event().at(time))))
        .await;
    let ask = async |level, detail| {
        let groups = t.ask(FoldSpec {
            kind: SeriesKind::Tenant,
            filter: Filter::default(),
            slices: vec![Slice {
                level,
                from: at(-4, 0),
                to: at(1, 0),
            }],
            group: GroupBy::Total,
            points: [-4, -3, -2, 0].map(|h| at(h, 0)).into(),
            detail,
        });
        groups.await.remove(0)
    };
    for level in [Level::Minute, Level::Hour] {
        let counts = ask(level, Detail::Counts).await;
        assert_eq!(
            counts.total.count, 4,
            "the bucket before the range is left out"
        );
        assert!(counts.last_seen == at(0, 0), "{:?}", counts.last_seen);
        match counts.points {
            PointValues::Counts(counts) => assert_eq!(counts, [1, 2, 0, 1]),
            other => panic!("{other:?}"),
        }
        match ask(level, Detail::Cells).await.points {
            PointValues::Cells(cells) => {
                let counts: Vec<_> = cells.iter().map(|cell| cell.count).collect();
                assert_eq!(counts, [1, 2, 0, 1]);
                assert_eq!(cells[1].histogram.count(), 2);
                assert_eq!(cells[2], Cell::default());
            }
            other => panic!("{other:?}"),
        }
    }
}

pub async fn errors_sizes_and_latencies_add_up(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "cells");
    let first = [
        event()
            .status(200)
            .with("latencyMs", 2.5)
            .with("requestSize", 10),
        event().status(404).with("latencyMs", 0),
    ];
    let second = [
        event()
            .status(503)
            .with("latencyMs", 86_400_000)
            .with("responseSize", 1u64 << 53),
        event()
            .status(0)
            .with("latencyMs", 1)
            .with("responseSize", 7),
        event()
            .status(404)
            .with("errorType", "Boom")
            .with("latencyMs", 1),
    ];
    t.send(1, &request(first)).await;
    t.send(2, &request(second)).await;
    let mut histogram = Histogram::default();
    for micros in [2_500, 0, 86_400_000_000, 1_000, 1_000] {
        histogram.record(micros);
    }
    let expected = Cell {
        count: 5,
        errors: 3,
        client_errors: 1,
        latency_sum_us: 86_400_004_500,
        latency_min_us: 0,
        latency_max_us: 86_400_000_000,
        bytes_in: 10,
        bytes_out: (1 << 53) + 7,
        histogram,
    };
    for level in Level::ALL {
        for kind in SeriesKind::ALL {
            assert_eq!(t.total(kind, level).await, expected, "{kind:?} {level:?}");
        }
    }
    let statuses = t
        .groups(SeriesKind::Tenant, Level::Minute, GroupBy::Status)
        .await;
    let mut statuses: Vec<_> = statuses
        .iter()
        .map(|g| (g.series.status, g.total.count))
        .collect();
    statuses.sort_unstable();
    let expected = [(0, 1), (200, 1), (404, 2), (503, 1)];
    assert_eq!(
        statuses,
        expected.map(|(status, count)| (Some(status), count))
    );
}
