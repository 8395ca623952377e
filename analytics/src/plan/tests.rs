use proptest::prelude::*;
use sendry_domain::{
    query::{FoldSpec, Slice},
    time::DAY,
};

use super::*;
use crate::range::Asked;

fn at(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn range(from: &str, to: &str, tz: &str, step: &str, now: UnixMillis) -> Range {
    let asked = Asked {
        from: Some(from),
        to: Some(to),
        tz: Some(tz),
        step: Some(step),
    };
    Range::resolve(asked, now).unwrap()
}

/// How many rows a series may have in the slices.
fn rows(slices: &[Slice]) -> usize {
    let buckets = |slice: &Slice| {
        let starts = std::iter::successors(Some(slice.from), |at| Some(slice.level.next(*at)));
        starts.take_while(|at| *at < slice.to).count()
    };
    slices.iter().map(buckets).sum()
}

fn levels(slices: &[Slice]) -> Vec<(Level, usize)> {
    slices.iter().map(|s| (s.level, rows(&[*s]))).collect()
}

#[test]
fn a_thousand_endpoints_stay_within_their_rows() {
    // The worst hour of the worst day of a long month.
    let now = at("2026-03-31T23:59:30Z");
    for (from, most) in [
        ("now-24h", 70),
        ("now-48h", 60),
        ("now-7d", 60),
        ("now-31d", 60),
        ("now-93d", 80),
        ("now-400d", 80),
        ("now-775d", 80),
    ] {
        let (spec, bins) = endpoints(&range(from, "now", "UTC", "auto", now), &Filter::default());
        assert!(rows(&spec.slices) <= most, "{from}: {}", rows(&spec.slices));
        assert!(bins.points.len() <= 63, "{from}: {}", bins.points.len());
    }
}

#[test]
fn the_bucket_that_now_lies_in_is_taken_whole_in_lists_only() {
    let now = at("2026-04-02T10:31:20Z");
    let day = range("now-24h", "now", "UTC", "auto", now);
    let (list, _) = endpoints(&day, &Filter::default());
    assert_eq!(
        levels(&list.slices),
        [(Level::Minute, 30), (Level::Hour, 24)]
    );
    let total = summary(&day, &Filter::default());
    assert_eq!(
        levels(&total.slices),
        [(Level::Minute, 30), (Level::Hour, 23), (Level::Minute, 32)]
    );
    // A range that ends before now is never read beyond its end.
    let past = range("now-30h", "now-3h", "UTC", "auto", now);
    let (list, _) = endpoints(&past, &Filter::default());
    assert_eq!(list.slices.last().unwrap().to, past.to);
}

#[test]
fn what_the_filter_names_decides_the_series() {
    let now = at("2026-04-02T10:31:20Z");
    let range = range("now-24h", "now", "UTC", "auto", now);
    let named = |service: bool, environment: bool, endpoint: bool, method: bool| Filter {
        service: service.then(|| "s".to_owned()),
        environment: environment.then(|| "e".to_owned()),
        endpoint: endpoint.then(|| "/x".to_owned()),
        method: method.then(|| "GET".to_owned()),
    };
    use SeriesKind::{Endpoint, Service, Status, Tenant};
    for (filter, totals, by_status, of_services) in [
        (named(false, false, false, false), Tenant, Tenant, Service),
        (named(true, false, false, false), Service, Service, Service),
        (named(false, true, false, false), Service, Service, Service),
        (named(true, true, true, false), Endpoint, Status, Endpoint),
        (named(true, false, false, true), Endpoint, Status, Endpoint),
    ] {
        assert_eq!(summary(&range, &filter).kind, totals);
        assert_eq!(timeseries(&range, &filter).kind, by_status);
        assert_eq!(status_codes(&range, &filter).kind, by_status);
        assert_eq!(services(&range, &filter).0.kind, of_services);
        assert_eq!(endpoints(&range, &filter).0.kind, Endpoint);
    }
}

#[test]
fn the_time_before_is_as_long_as_what_has_passed() {
    let now = at("2026-04-02T10:31:20Z");
    // A calendar day that is not over is compared with as many hours of the day before.
    let today = range(
        "2026-04-02T00:00:00Z",
        "2026-04-03T00:00:00Z",
        "UTC",
        "auto",
        now,
    );
    let (spec, length) = previous(&today, &Filter::default());
    assert_eq!(spec.slices[0].from, at("2026-04-01T13:28:00Z"));
    assert_eq!(spec.slices.last().unwrap().to, today.from);
    assert_eq!(length, 10 * HOUR + 32 * 60_000);
    // Minutes of it may be gone: then whole hours.
    let old = range("now-9d", "now-5d", "UTC", "1h", now.plus(HOUR / 2));
    let (spec, _) = previous(&old, &Filter::default());
    assert!(spec.slices.iter().all(|s| s.level >= Level::Hour));
    assert!(spec.slices.last().unwrap().to <= old.from);
}

#[test]
fn bins_have_the_width_of_the_range() {
    let now = at("2026-04-02T10:31:20Z");
    for (from, step, bins, level) in [
        ("now-15m", 60_000, 16, Level::Minute),
        ("now-1h", 300_000, 13, Level::Minute),
        ("now-2h", 300_000, 25, Level::Minute),
        ("now-6h", HOUR, 7, Level::Hour),
        ("now-48h", HOUR, 49, Level::Hour),
        ("now-7d", DAY, 8, Level::Day),
        ("now-60d", DAY, 61, Level::Day),
        ("now-90d", MEAN_MONTH, 4, Level::Month),
        ("0", MEAN_MONTH, 27, Level::Month),
    ] {
        let spark = SparkBins::of(&range(from, "now", "UTC", "auto", now));
        let got = (spark.step_ms, spark.points.len(), spark.level);
        assert_eq!(got, (step, bins, level), "{from}");
        assert!(spark.start <= spark.points[0]);
    }
}

/// Slices follow each other without gap, and no bucket lies across a point.
fn covers_exactly(spec: &FoldSpec, from: UnixMillis, to: UnixMillis) -> Result<(), TestCaseError> {
    prop_assert_eq!(spec.slices.first().unwrap().from, from);
    prop_assert_eq!(spec.slices.last().unwrap().to, to);
    for pair in spec.slices.windows(2) {
        prop_assert_eq!(pair[0].to, pair[1].from);
    }
    for slice in &spec.slices {
        prop_assert!(slice.from < slice.to);
        prop_assert_eq!(slice.level.floor(slice.from), slice.from);
        prop_assert_eq!(slice.level.floor(slice.to), slice.to);
        let inside = spec
            .points
            .iter()
            .filter(|p| slice.from <= **p && **p < slice.to);
        for point in inside {
            prop_assert_eq!(slice.level.floor(*point), *point, "{:?}", slice);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_question_reads_its_range_once(
        back in 1i64..1_000_000, length in 1i64..1_000_000, millis in 0i64..60_000, clock in 0i64..100_000,
        zone in prop::sample::select(vec!["UTC", "Asia/Kolkata", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"]),
        step in prop::sample::select(vec!["auto", "5m", "1h", "1d", "1mo"]),
    ) {
        let now = at("2026-01-01T00:00:20Z").plus(clock * 60_000);
        let from = now.plus(-back * 60_000 - millis);
        let (from, to) = (from.0.to_string(), from.plus(length * 60_000).0.to_string());
        let asked = Asked { from: Some(&from), to: Some(&to), tz: Some(zone), step: Some(step) };
        let Ok(range) = Range::resolve(asked, now) else { return Ok(()) };
        let all = Filter::default();
        covers_exactly(&summary(&range, &all), range.read_from(), range.to)?;
        covers_exactly(&timeseries(&range, &all), range.read_from(), range.to)?;
        covers_exactly(&status_codes(&range, &all), range.read_from(), range.to)?;
        let (before, length) = previous(&range, &all);
        let end = before.slices.last().unwrap().to;
        prop_assert!(end <= range.from && range.read_from().since(end) < HOUR);
        covers_exactly(&before, end.plus(-length), end)?;
        for (list, bins) in [endpoints(&range, &all), services(&range, &all)] {
            let end = list.slices.last().unwrap().to;
            prop_assert!(end == range.to || range.is_open() && end.since(range.to) < DAY);
            covers_exactly(&list, range.read_from(), end)?;
            prop_assert!(bins.points.len() <= 63);
        }
    }
}
