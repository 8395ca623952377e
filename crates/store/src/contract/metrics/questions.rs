//! Questions to buckets: which series, which points, and what they add up to.

use std::{collections::BTreeMap, sync::Arc};

use sendry_domain::{
    histogram::Histogram,
    query::{Detail, Filter, FoldSpec, GroupBy, PointValues, Slice},
    rollup::{Cell, Level},
    series::{Series, SeriesKind},
    time::{HOUR, MINUTE},
};

use super::{
    super::build::{NOW, event, request},
    View,
    buckets::varied,
    everything,
};
use crate::MetricStore;

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
