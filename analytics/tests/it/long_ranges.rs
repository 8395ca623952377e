use sendry_store::MetricStore;
use serde_json::{Value, json};

use crate::{
    events::{but, event, known},
    harness::Api,
};

/// One event on the 1st at 00:00 and one on the last day at 23:59:59 of every month from March 2024 to March 2026.
fn two_years() -> Vec<Value> {
    let mut events = Vec::new();
    for month in 2024 * 12 + 2..2026 * 12 + 3 {
        let first = jiff::civil::date((month / 12) as i16, (month % 12 + 1) as i8, 1);
        events.push(event(&format!("{first}T00:00:00Z"), 10.0));
        let last = first.last_of_month();
        let failed = json!({"statusCode": 500, "endpoint": "/b"});
        events.push(but(event(&format!("{last}T23:59:59Z"), 30.0), failed));
    }
    events
}

#[tokio::test]
async fn twenty_five_months_add_up_however_far_they_are_derived() {
    let api = Api::new().await;
    api.import(&two_years()).await;
    api.count(&known()).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let series = api.ok("/api/v1/timeseries?from=2024-03-15T00:00:00Z").await;
        assert_eq!(series["meta"]["step"], "1mo");
        let by_class = &series["data"]["requests"];
        let mut twos = vec![1; 25];
        twos.push(6);
        let mut fives = vec![1; 25];
        fives.push(1);
        assert_eq!(
            (&by_class["2xx"], &by_class["5xx"]),
            (&json!(twos), &json!(fives))
        );

        let summary = api.ok("/api/v1/summary?from=2024-03-15T00:00:00Z").await;
        assert_eq!(summary["data"]["requests"], 2 * 25 + 9);
        let list = api.ok("/api/v1/endpoints?from=2024-03-15T00:00:00Z").await;
        let total: u64 = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["requests"].as_u64().unwrap())
            .sum();
        assert_eq!(total, 2 * 25 + 9);
        let a = &list["data"][0]["spark"]["values"];
        assert_eq!(a.as_array().unwrap().len(), 26);
        assert_eq!((&a[0], &a[1], &a[25]), (&json!(1), &json!(1), &json!(5)));
        answers.push((series["data"].clone(), summary["data"].clone()));
        api.store.derive_levels().await.unwrap();
    }
    assert_eq!(answers[0], answers[1], "derived or not");
}

#[tokio::test]
async fn all_routes_cover_the_same_time() {
    let api = Api::new().await;
    api.import(&two_years()).await;
    api.count(&known()).await;
    for range in [
        "from=now-1h",
        "from=now-6h",
        "from=now-24h",
        "from=now-2d",
        "from=now-7d",
        "from=now-31d",
        "from=now-60d",
        "from=now-365d",
        "from=now-700d",
        "from=now-60d&tz=America/New_York",
        "from=now-700d&tz=Asia/Kolkata",
        "from=2025-11-30T22:10:00Z&to=2026-01-31T23:30:00Z",
        "from=2026-02-28T23:00:00Z&to=2026-03-01T00:10:00Z",
    ] {
        let requests =
            api.ok(&format!("/api/v1/summary?{range}")).await["data"]["requests"].clone();
        let sum = |rows: &Value| {
            rows.as_array()
                .unwrap()
                .iter()
                .map(|r| r["requests"].as_u64().unwrap())
                .sum::<u64>()
        };
        for list in ["endpoints", "services", "status-codes"] {
            let rows = api.ok(&format!("/api/v1/{list}?{range}")).await["data"].clone();
            assert_eq!(json!(sum(&rows)), requests, "{list} {range}");
            let sparks = rows
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|r| r["spark"]["values"].as_array());
            let bins: u64 = sparks.flatten().filter_map(Value::as_u64).sum();
            assert!(
                list == "status-codes" || json!(bins) == requests,
                "sparks of {list} {range}"
            );
        }
        let series = api.ok(&format!("/api/v1/timeseries?{range}")).await["data"].clone();
        let points = series["requests"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_array);
        let points: u64 = points.flatten().filter_map(Value::as_u64).sum();
        assert_eq!(json!(points), requests, "timeseries {range}");
    }
}
