use std::collections::{BTreeMap, BTreeSet};

use sendry_domain::{event, time::UnixMillis, window::Window};

use super::*;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// 2026-11-18, a Wednesday, 09:00 UTC.
const NOW: i64 = 1_794_992_400_000;

fn shop() -> Shop {
    Shop::new(7).opened_at(NOW - 30 * DAY)
}

fn month(total: usize) -> Vec<DemoEvent> {
    shop().history(NOW - 30 * DAY, NOW, total).collect()
}

fn share(events: &[DemoEvent], test: impl Fn(&DemoEvent) -> bool) -> f64 {
    events.iter().filter(|e| test(e)).count() as f64 / events.len() as f64
}

/// The latency that `share` of the events are under, in milliseconds.
fn percentile<'a>(events: impl Iterator<Item = &'a DemoEvent>, share: f64) -> f64 {
    let mut all: Vec<u64> = events.map(|e| e.latency_us).collect();
    all.sort_unstable();
    all[((all.len() - 1) as f64 * share) as usize] as f64 / 1_000.0
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed| {
        let shop = Shop::new(seed).opened_at(NOW - 30 * DAY);
        shop.history(NOW - DAY, NOW, 2_000)
            .map(|e| e.to_json_bytes())
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn history_is_complete_and_in_order() {
    let events = month(50_000);
    assert_eq!(events.len(), 50_000);
    assert!(events.is_sorted_by_key(|e| e.timestamp_ms));
    assert!(
        events
            .iter()
            .all(|e| (NOW - 30 * DAY..NOW).contains(&e.timestamp_ms))
    );
    let endpoints: BTreeSet<_> = events.iter().map(|e| (e.service, e.endpoint)).collect();
    assert_eq!(endpoints.len(), ENDPOINT_COUNT);
    let with_method: BTreeSet<_> = events
        .iter()
        .map(|e| (e.service, e.endpoint, e.method))
        .collect();
    assert_eq!(with_method.len(), ENDPOINT_COUNT);
    assert_eq!(
        events.iter().map(|e| e.service).collect::<BTreeSet<_>>(),
        BTreeSet::from(SERVICES)
    );
    assert_eq!(shop().history(NOW, NOW, 10).count(), 0);
    assert_eq!(shop().history(NOW, NOW - 1, 10).count(), 0);
    assert_eq!(shop().history(NOW, NOW + 1, 3).count(), 3);
}

#[test]
fn every_event_is_accepted() {
    let window = Window::backfill();
    for event in month(20_000).iter().chain(&shop().live(NOW, NOW + 60_000)) {
        let json = String::from_utf8(event.to_json_bytes()).unwrap();
        let parsed = event::parse(&json, window, UnixMillis(NOW)).unwrap();
        assert_eq!((parsed.unknown_fields, parsed.needs_stamp), (0, false));
        assert_eq!(parsed.event.latency_us, event.latency_us);
        assert_eq!(parsed.event.event_id, None);
        assert!(event.latency_us > 0);
        assert_eq!(event.error.is_some(), event.status >= 500);
    }
}

#[test]
fn days_and_weeks_have_their_shape() {
    let events = month(200_000);
    let mut by_hour = BTreeMap::<i64, usize>::new();
    let mut by_day = BTreeMap::<i64, usize>::new();
    for event in &events {
        *by_hour
            .entry(event.timestamp_ms.rem_euclid(DAY) / HOUR)
            .or_default() += 1;
        *by_day
            .entry(event.timestamp_ms.div_euclid(DAY))
            .or_default() += 1;
    }
    let (peak, trough) = (
        by_hour.values().max().unwrap(),
        by_hour.values().min().unwrap(),
    );
    assert!(*peak as f64 / *trough as f64 > 3.0, "{by_hour:?}");
    // The Sunday before, and the Tuesday after it.
    let day = |ago: i64| by_day[&((NOW - ago * DAY).div_euclid(DAY))] as f64;
    assert!(day(3) < 0.85 * day(1), "{by_day:?}");
}

#[test]
fn errors_are_few_except_in_an_outage() {
    let events = month(200_000);
    let errors = share(&events, |e| e.status >= 500);
    assert!((0.001..0.02).contains(&errors), "{errors}");
    let refused = share(&events, |e| (400..500).contains(&e.status));
    assert!((0.005..0.05).contains(&refused), "{refused}");
    assert!(share(&events, |e| (200..300).contains(&e.status)) > 0.85);
    let statuses: BTreeSet<u16> = events.iter().map(|e| e.status).collect();
    assert!(
        [200, 201, 204, 304, 401, 404, 422, 499, 502, 504]
            .iter()
            .all(|s| statuses.contains(s))
    );
    let outage = |e: &&DemoEvent| shop().story.provider_trouble(e.timestamp_ms) == 1.0;
    let charges: Vec<DemoEvent> = events
        .iter()
        .filter(outage)
        .filter(|e| e.endpoint == "/charges")
        .cloned()
        .collect();
    assert!(
        share(&charges, |e| e.status >= 500) > 0.5,
        "of {}",
        charges.len()
    );
    assert!(percentile(charges.iter(), 0.9) > 8_000.0);
}

#[test]
fn search_gets_slower_and_busy_hours_are_slower() {
    let events = month(200_000);
    let of_search = |from: i64, to: i64| {
        let times = NOW - from * DAY..NOW - to * DAY;
        let found = events
            .iter()
            .filter(move |e| times.contains(&e.timestamp_ms));
        percentile(found.filter(|e| e.endpoint == "/products/search"), 0.5)
    };
    assert!(of_search(3, 0) > 2.5 * of_search(30, 27));
    let of_products = |hour: i64| {
        let found = events
            .iter()
            .filter(move |e| e.timestamp_ms.rem_euclid(DAY) / HOUR == hour);
        percentile(found.filter(|e| e.endpoint == "/products"), 0.5)
    };
    assert!(of_products(20) > 1.15 * of_products(4));
    let versions: BTreeSet<_> = events.iter().map(|e| (e.service, &e.version)).collect();
    assert!(versions.len() > 15);
}

#[test]
fn live_does_not_depend_on_how_it_is_cut() {
    let shop = shop();
    let whole = shop.live(NOW + 250, NOW + 30_250);
    let cuts = [
        NOW + 250,
        NOW + 1_000,
        NOW + 1_001,
        NOW + 9_999,
        NOW + 30_250,
    ];
    let pieces: Vec<_> = cuts
        .windows(2)
        .flat_map(|cut| shop.live(cut[0], cut[1]))
        .collect();
    assert_eq!(whole, pieces);
    assert!(whole.is_sorted_by_key(|e| e.timestamp_ms));
    assert!(shop.live(NOW, NOW).is_empty());
}

#[test]
fn live_has_its_rate() {
    let shop = shop();
    // One second in a hundred of a week.
    let week = (0..7 * 24 * 36).map(|i| NOW + i * 100_000);
    let events: usize = week.clone().map(|at| shop.live(at, at + 1_000).len()).sum();
    let mean = events as f64 / week.count() as f64;
    assert!(
        (LIVE_PER_SECOND * 0.95..LIVE_PER_SECOND * 1.05).contains(&mean),
        "{mean}"
    );
}
