use serde_json::{Value, json};

use crate::{
    events::event,
    harness::{Api, at},
};

fn times(texts: &[&str]) -> Value {
    texts.iter().map(|t| at(t).0).collect()
}

#[tokio::test]
async fn a_day_in_kolkata_begins_at_half_past_six_in_the_evening_utc() {
    let api = Api::new().await;
    let events = [
        "2026-03-31T18:29:59.999Z",
        "2026-03-31T18:30:00Z",
        "2026-04-01T18:29:59.999Z",
        "2026-04-01T18:30:00Z",
    ];
    api.count(&events.map(|t| event(t, 1.0))).await;
    let path = "/api/v1/timeseries?from=now-2d&step=1d&tz=Asia/Kolkata";
    let answer = api.ok(path).await;
    let starts = [
        "2026-03-30T18:30:00Z",
        "2026-03-31T18:30:00Z",
        "2026-04-01T18:30:00Z",
    ];
    assert_eq!(answer["data"]["t"], times(&starts));
    assert_eq!(answer["data"]["requests"]["2xx"], json!([1, 2, 1]));
    assert_eq!(answer["meta"]["tzApproximate"], false);
    assert_eq!(answer["meta"]["tz"], "Asia/Kolkata");
}

#[tokio::test]
async fn without_minutes_such_a_day_begins_on_the_hour_and_says_so() {
    let api = Api::new().await;
    let events = [
        "2026-02-10T17:59:59Z",
        "2026-02-10T18:10:00Z",
        "2026-02-10T18:40:00Z",
    ];
    api.import(&events.map(|t| event(t, 1.0))).await;
    let path = "/api/v1/timeseries?from=2026-02-10T00:00:00Z&to=2026-02-11T18:30:00Z&step=1d&tz=Asia/Kolkata";
    let answer = api.ok(path).await;
    let starts = ["2026-02-09T18:30:00Z", "2026-02-10T18:30:00Z"];
    assert_eq!(
        answer["data"]["t"],
        times(&starts),
        "days are named by where they begin"
    );
    // 18:10 was still the day before; its hour is counted to the day that begins in it.
    assert_eq!(answer["data"]["requests"]["2xx"], json!([1, 2]));
    assert_eq!(answer["meta"]["tzApproximate"], true);
}

#[tokio::test]
async fn the_day_clocks_go_forward_in_warsaw_has_23_hours() {
    let api = Api::at("2026-03-30T12:00:00Z").await;
    let events = [
        "2026-03-28T22:59:59Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
    ];
    api.count(&events.map(|t| event(t, 1.0))).await;
    let path = "/api/v1/timeseries?from=2026-03-28T12:00:00Z&step=1d&tz=Europe/Warsaw";
    let answer = api.ok(path).await;
    let starts = [
        "2026-03-27T23:00:00Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ];
    assert_eq!(answer["data"]["t"], times(&starts));
    assert_eq!(answer["data"]["requests"]["2xx"], json!([1, 2, 1]));
    assert_eq!(answer["meta"]["tzApproximate"], false);
    // The same days a month on, when only hours are left.
    api.clock.advance(31 * 86_400_000);
    let path = format!("{path}&to=2026-03-30T12:00:00Z");
    let later = api.ok(&path).await;
    assert_eq!(later["data"]["requests"]["2xx"], json!([1, 2, 1]));
    assert_eq!(later["meta"]["tzApproximate"], false);
}
