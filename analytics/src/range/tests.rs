use proptest::prelude::*;

use super::*;

fn at(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn now() -> UnixMillis {
    at("2026-04-02T10:31:20Z")
}

fn asked<'a>(from: &'a str, to: &'a str, tz: &'a str, step: &'a str) -> Asked<'a> {
    Asked {
        from: Some(from),
        to: Some(to),
        tz: Some(tz),
        step: Some(step),
    }
}

fn resolve(from: &str, to: &str, tz: &str, step: &str) -> Range {
    Range::resolve(asked(from, to, tz, step), now()).unwrap()
}

fn error(from: &str, to: &str, tz: &str, step: &str) -> RangeError {
    Range::resolve(asked(from, to, tz, step), now()).unwrap_err()
}

#[test]
fn by_default_the_last_day_in_quarters_of_an_hour() {
    let range = Range::resolve(Asked::default(), now()).unwrap();
    assert_eq!(range.from, at("2026-04-01T10:30:00Z"));
    assert_eq!(range.to, at("2026-04-02T10:32:00Z"));
    assert_eq!((range.step, range.finest), (Step::Minute15, Level::Minute));
    assert_eq!((range.points.len(), range.zone.name()), (97, "UTC"));
    assert!(range.is_open() && !range.tz_approximate);
    assert_eq!(range.elapsed(), DAY + 80_000);
}

#[test]
fn a_time_may_be_written_in_four_ways() {
    for (text, means) in [
        ("now-90m", at("2026-04-02T09:01:20Z")),
        ("now-2h", at("2026-04-02T08:31:20Z")),
        ("now-3d", at("2026-03-30T10:31:20Z")),
        ("1775000000000", UnixMillis(1_775_000_000_000)),
        ("2026-04-01T12:00:00+02:00", at("2026-04-01T10:00:00Z")),
    ] {
        assert_eq!(moment::parse("from", text, now()), Ok(means), "{text}");
    }
    for text in [
        "",
        "soon",
        "now+1h",
        "now-",
        "now-h",
        "now-1w",
        "now--1h",
        "now-99999999999999999999d",
        "2026-04-01",
        "2026-04-01T12:00:00",
        "-5",
        "now-99999d",
        "99999999999999999",
    ] {
        let error = moment::parse("from", text, now()).unwrap_err();
        assert_eq!(error.code(), "invalid_time", "{text}");
    }
}

#[test]
fn the_step_follows_the_length() {
    for (from, step, points) in [
        ("now-15m", Step::Minute1, 16),
        ("now-2h", Step::Minute1, 121),
        ("now-6h", Step::Minute5, 73),
        ("now-24h", Step::Minute15, 97),
        ("now-25h", Step::Hour1, 26),
        ("now-7d", Step::Hour1, 169),
        ("now-8d", Step::Hour1, 193),
        ("now-31d", Step::Day1, 32),
        ("now-32d", Step::Day1, 33),
        ("now-400d", Step::Day1, 401),
        ("now-401d", Step::Month1, 15),
        ("now-775d", Step::Month1, 27),
    ] {
        let range = resolve(from, "now", "UTC", "auto");
        assert_eq!((range.step, range.points.len()), (step, points), "{from}");
    }
}

#[test]
fn the_ends_are_as_fine_as_the_range_is_short() {
    for (from, to, ends) in [
        ("now-3h", "2026-04-02T10:32:00Z", Level::Minute),
        ("now-7d", "2026-04-02T11:00:00Z", Level::Hour),
        ("now-60d", "2026-04-03T00:00:00Z", Level::Day),
        ("now-600d", "2026-04-03T00:00:00Z", Level::Day),
    ] {
        let range = resolve(from, "now", "UTC", "auto");
        assert_eq!((range.to, range.finest), (at(to), ends), "{from}");
    }
}

#[test]
fn without_minutes_hours_answer() {
    let range = resolve(
        "2026-03-01T10:10:00Z",
        "2026-03-01T10:20:00Z",
        "UTC",
        "auto",
    );
    assert_eq!((range.step, range.finest), (Step::Hour1, Level::Hour));
    assert_eq!(range.from, at("2026-03-01T10:00:00Z"));
    assert_eq!(range.to, at("2026-03-01T11:00:00Z"));
    assert_eq!(
        error("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "UTC", "5m"),
        RangeError::MinutesExpired {
            step: Step::Minute5,
            since: at("2026-03-24T11:00:00Z")
        }
    );
}

#[test]
fn days_in_kolkata_start_at_half_past_six_in_utc() {
    let range = resolve("now-3d", "now", "asia/kolkata", "1d");
    assert_eq!(range.zone.name(), "Asia/Kolkata");
    assert_eq!(range.from, at("2026-03-29T18:30:00Z"));
    assert_eq!((range.finest, range.tz_approximate), (Level::Minute, false));
    assert_eq!(range.points[1], at("2026-03-30T18:30:00Z"));

    let old = resolve("now-40d", "now-20d", "Asia/Kolkata", "1d");
    assert_eq!((old.finest, old.tz_approximate), (Level::Hour, true));
    assert_eq!(old.points[1].since(old.points[0]), DAY);
    assert_eq!(old.read_points()[1], Level::Hour.floor(old.points[1]));
    assert_eq!(old.from.since(old.read_from()), HOUR / 2);
}

#[test]
fn days_in_warsaw_are_23_hours_in_spring_and_25_in_autumn() {
    let spring = resolve(
        "2026-03-28T12:00:00Z",
        "2026-03-31T00:00:00Z",
        "Europe/Warsaw",
        "1d",
    );
    let lengths: Vec<_> = spring
        .points
        .windows(2)
        .map(|w| w[1].since(w[0]) / HOUR)
        .collect();
    assert_eq!(lengths, [24, 23, 24]);
    assert_eq!(spring.from, at("2026-03-27T23:00:00Z"));
    assert_eq!((spring.finest, spring.tz_approximate), (Level::Hour, false));
    let autumn = resolve(
        "2025-10-25T12:00:00Z",
        "2025-10-28T00:00:00Z",
        "Europe/Warsaw",
        "1d",
    );
    let lengths: Vec<_> = autumn
        .points
        .windows(2)
        .map(|w| w[1].since(w[0]) / HOUR)
        .collect();
    assert_eq!(lengths, [24, 25, 24]);
}

#[test]
fn months_follow_the_calendar_and_the_zone() {
    let range = resolve(
        "2026-01-15T00:00:00Z",
        "2026-04-01T12:00:00Z",
        "America/New_York",
        "1mo",
    );
    let starts = [
        "2026-01-01T05:00:00Z",
        "2026-02-01T05:00:00Z",
        "2026-03-01T05:00:00Z",
        "2026-04-01T04:00:00Z",
    ];
    assert_eq!(*range.points, starts.map(at));
}

#[test]
fn a_day_that_was_skipped_has_no_point() {
    // Samoa went from 29 to 31 December 2011.
    let range = resolve(
        "2011-12-28T12:00:00Z",
        "2012-01-02T00:00:00Z",
        "Pacific/Apia",
        "1d",
    );
    let lengths: Vec<_> = range
        .points
        .windows(2)
        .map(|w| w[1].since(w[0]) / HOUR)
        .collect();
    assert_eq!(lengths, [24, 24, 24, 24]);
}

#[test]
fn too_many_points_are_refused_with_the_step_that_fits() {
    let fits = |from, step| match error(from, "now", "UTC", step) {
        RangeError::TooWide { fits, .. } => fits,
        other => panic!("{other:?}"),
    };
    assert_eq!(fits("now-3d", "1m"), Some(Step::Minute5));
    assert_eq!(fits("now-8d", "5m"), Some(Step::Minute15));
    assert_eq!(fits("now-90d", "1h"), Some(Step::Day1));
    assert_eq!(fits("0", "1h"), Some(Step::Month1));
    assert!(resolve("now-1499m", "now", "UTC", "1m").points.len() <= MAX_POINTS);
    let hint = error("now-3d", "now", "UTC", "1m").hint();
    assert!(hint.contains("step=5m"), "{hint}");
}

#[test]
fn every_mistake_has_its_code() {
    for (from, to, tz, step, code) in [
        ("x", "now", "UTC", "auto", "invalid_time"),
        ("now", "x", "UTC", "auto", "invalid_time"),
        ("now-1h", "now", "Mars/Olympus", "auto", "invalid_tz"),
        ("now-1h", "now", "UTC", "2h", "invalid_step"),
        ("now", "now", "UTC", "auto", "invalid_range"),
        ("now", "now-1h", "UTC", "auto", "invalid_range"),
        ("now-30d", "now", "UTC", "1m", "minutes_expired"),
    ] {
        let error = error(from, to, tz, step);
        assert_eq!(error.code(), code);
        assert!(!error.hint().is_empty());
    }
}

proptest! {
    #[test]
    fn a_range_holds_what_was_asked_in_few_points(
        back in 1i64..1_000_000, length in 1i64..1_000_000, millis in 0i64..60_000,
        zone in prop::sample::select(vec!["UTC", "Asia/Kolkata", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"]),
        step in prop::sample::select(vec!["auto", "1m", "5m", "15m", "1h", "1d", "1mo"]),
    ) {
        let from = now().plus(-back * 60_000 - millis);
        let to = from.plus(length * 60_000);
        let (from_text, to_text) = (from.0.to_string(), to.0.to_string());
        match Range::resolve(asked(&from_text, &to_text, zone, step), now()) {
            Ok(range) => {
                prop_assert!(range.points.len() <= MAX_POINTS && !range.points.is_empty());
                prop_assert!(range.points.windows(2).all(|w| w[0] < w[1]));
                prop_assert_eq!(range.points[0], range.from);
                prop_assert!(range.from <= from && to <= range.to);
                prop_assert!(*range.points.last().unwrap() < to);
                prop_assert!(range.to.since(to) < DAY, "an end moves less than a bucket");
                prop_assert_eq!(ceil(range.finest, range.to), range.to);
                if range.finest == Level::Minute {
                    prop_assert!(range.from >= minutes_since(now()));
                }
            }
            Err(RangeError::TooWide { .. }) => prop_assert_ne!(step, "auto"),
            Err(RangeError::MinutesExpired { step, .. }) => prop_assert!(step.is_minutes()),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
